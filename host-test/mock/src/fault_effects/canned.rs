//! Responses that are the same for every request: pages for people, and refusals by whatever stands in between.

use http::StatusCode;
use serde_json::{Value, json};

use crate::endpoint::Target;
use crate::error_responses::{html_not_found, tomcat_unauthorized, v1_error, v2_error};
use crate::fault::Fault;
use crate::faults::FaultKind;
use crate::reply::Reply;

/// 410 for a v1 route (Spenhouet/confluence-markdown-exporter#207).
pub(super) fn gone() -> Reply {
    let message = "com.atlassian.confluence.api.service.exceptions.pagesmodes.GoneException: This deprecated endpoint has been removed.";
    let data = json!({"authorized": true, "valid": true, "errors": [], "successful": true});
    let body = json!({"statusCode": 410, "data": data, "message": message});
    Reply::json(StatusCode::GONE, body.to_string())
}

/// 200 with the body of an error.
pub(super) fn error_in_ok(fault: &Fault) -> Reply {
    let status = fault.status_or(StatusCode::FORBIDDEN);
    let words = "Something went wrong";
    let json = |body: Value| Reply::json(StatusCode::OK, body.to_string());
    let reply = match fault.form {
        "message" => json(json!({ "code": status.as_u16(), "message": words })),
        "error" => json(json!({ "error": { "text": words } })),
        "no-errors" => json(json!({ "errors": [] })),
        "errors" => v2_error(status, "INTERNAL_SERVER_ERROR", words, None),
        _ => v1_error(status, words),
    };
    Reply {
        status: StatusCode::OK,
        ..reply
    }
}

/// The response of one of the other faults.
pub(super) fn page(fault: &Fault, target: Target<'_>) -> Reply {
    match fault.kind {
        FaultKind::HtmlOk => login_page(StatusCode::OK),
        FaultKind::HtmlNotFound => html_not_found(),
        FaultKind::HtmlUnauthorized => tomcat_unauthorized(),
        FaultKind::HtmlForbidden => block_page(fault.form),
        FaultKind::ProxyAuthentication => html(
            StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            "Proxy Authentication Required",
            "The proxy needs your credentials.",
        )
        .with("proxy-authenticate", "Basic realm=\"proxy.example\""),
        FaultKind::Captcha => captcha(),
        FaultKind::TokensDisabled => Reply::json(
            StatusCode::UNAUTHORIZED,
            r#"{"code":401,"message":"Unauthorized"}"#,
        )
        .with("x-seraph-loginreason", "AUTHENTICATED_FAILED"),
        FaultKind::PasswordRefused => Reply::new(
            StatusCode::UNAUTHORIZED,
            "text/plain;charset=utf-8",
            "Basic authentication with passwords is deprecated. For more information, see: https://developer.atlassian.com/cloud/confluence/deprecation-notice-basic-auth/",
        ),
        FaultKind::Redirect => {
            let to = fault.to.as_deref();
            Reply::html(StatusCode::FOUND, "").with(
                "location",
                to.unwrap_or("https://id.elsewhere.example/login"),
            )
        }
        FaultKind::SiteRenamed => renamed(fault, target),
        FaultKind::SiteSuspended => suspended(fault),
        _ => other_status(fault.kind),
    }
}

/// The statuses of a refusal that stand for themselves.
fn other_status(kind: FaultKind) -> Reply {
    let (status, message) = match kind {
        FaultKind::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
        FaultKind::PaymentRequired => (
            StatusCode::PAYMENT_REQUIRED,
            "The subscription of this site has ended.",
        ),
        FaultKind::Forbidden => (
            StatusCode::FORBIDDEN,
            "The user does not have permission to view this content.",
        ),
        FaultKind::ViewsRefused => (
            StatusCode::FORBIDDEN,
            "Analytics are not available in the plan of this site.",
        ),
        FaultKind::ViewsMissing => (
            StatusCode::NOT_FOUND,
            "There is no content with the given ID.",
        ),
        FaultKind::StatesDisabled => (
            StatusCode::NOT_FOUND,
            "The content state does not exist, or is disabled in this space.",
        ),
        FaultKind::TooEarly => (StatusCode::TOO_EARLY, "Too Early"),
        _ => (
            StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            "Unavailable For Legal Reasons",
        ),
    };
    v1_error(status, message)
}

/// A page for people.
pub(super) fn html(status: StatusCode, title: &str, text: &str) -> Reply {
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    );
    Reply::html(status, body)
}

fn login_page(status: StatusCode) -> Reply {
    Reply::html(
        status,
        "<!DOCTYPE html><html><head><title>Log in with Atlassian account</title></head></html>",
    )
}

/// 403 from a box between the client and the service.
pub(super) fn block_page(form: &str) -> Reply {
    let status = StatusCode::FORBIDDEN;
    match form {
        "cdn" => html(status, "403 ERROR", "The request could not be satisfied. Request blocked. Generated by cloudfront (CloudFront)")
            .with("x-cache", "Error from cloudfront")
            .with("via", "1.1 mock.cloudfront.net (CloudFront)"),
        "login" => login_page(status),
        _ => html(status, "Access Denied", "Your organization's policy blocks this web site. Category: collaboration."),
    }
}

/// 403 that asks for a captcha (Seraph, as Data Center writes it).
pub(super) fn captcha() -> Reply {
    html(
        StatusCode::FORBIDDEN,
        "Forbidden",
        "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED",
    )
    .with("x-seraph-loginreason", "AUTHENTICATION_DENIED")
    .with(
        "x-authentication-denied-reason",
        "CAPTCHA_CHALLENGE; login-url=https://example.atlassian.net/login",
    )
}

/// A redirect to the same path at another name of the site.
fn renamed(fault: &Fault, target: Target<'_>) -> Reply {
    let path = match target {
        Target::Endpoint(endpoint, id) => endpoint.path(id),
        _ => "/wiki".to_owned(),
    };
    let origin = fault
        .to
        .as_deref()
        .unwrap_or("https://renamed.atlassian.net");
    Reply::html(fault.status_or(StatusCode::FOUND), "").with("location", &format!("{origin}{path}"))
}

fn suspended(fault: &Fault) -> Reply {
    let text = match fault.form {
        "deactivated" => {
            "Your Atlassian Cloud site was deactivated. Contact your site administrator to reactivate it."
        }
        _ => "Your Atlassian Cloud subscription is suspended. Your site is currently unavailable.",
    };
    html(
        fault.status_or(StatusCode::FORBIDDEN),
        "Atlassian Cloud Notifications - Page Unavailable",
        text,
    )
}
