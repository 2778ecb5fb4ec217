//! What faults do to an answer: instead of it, to the access behind it, or to it afterwards.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::{AccessPolicy, TokenKind, current_scopes};
use super::endpoint::{Endpoint, Target};
use super::fault_plan::ActiveFaults;
use super::faults::{Fault, FaultKind, TypeCorruption};
use super::reply::{
    NOT_PERMITTED, Reply, Transmission, address_refused, bare_not_found, gateway_unauthorized,
    html_not_found, named_missing, v1_error, v1_forbidden, v2_error,
};
use super::site::Site;

/// The size of a huge body in bytes.
const HUGE_BODY_BYTES: u64 = 200 << 20;

/// The answer that a fault gives instead of the site's.
pub(super) fn replace_response(
    active: &ActiveFaults<'_>,
    site: &Site,
    target: Target<'_>,
) -> Option<Reply> {
    let fault = active.all().find(|fault| fault.kind.is_whole_answer())?;
    let Target::Endpoint(endpoint, id) = target else {
        return None;
    };
    Some(match fault.kind {
        FaultKind::IpAllowList => address_refused(),
        FaultKind::GatewayUnauthorized => gateway_unauthorized(),
        FaultKind::ViewsRefused => v1_error(
            StatusCode::FORBIDDEN,
            "Analytics are not available in the plan of this site.",
        ),
        FaultKind::ViewsMissing => v1_error(
            StatusCode::NOT_FOUND,
            "There is no content with the given ID.",
        ),
        FaultKind::PageGone => named_missing(endpoint, id),
        FaultKind::FalseNotFound | FaultKind::PageGoneBare => bare_not_found(),
        FaultKind::FalseForbidden => {
            v1_forbidden(NOT_PERMITTED).with("x-cache", "Error from cloudfront")
        }
        FaultKind::HtmlOk => Reply::html(
            StatusCode::OK,
            "<!DOCTYPE html><html><head><title>Log in with Atlassian account</title></head></html>",
        ),
        FaultKind::HtmlNotFound => html_not_found(),
        FaultKind::EmptyOk => Reply::json(StatusCode::OK, Bytes::new()),
        FaultKind::Redirect => Reply::html(StatusCode::FOUND, "").with(
            "location",
            fault
                .to
                .as_deref()
                .unwrap_or("https://id.elsewhere.example/login"),
        ),
        _ => service_failure(fault, site.now()),
    })
}

/// Limits and failures of the service.
fn service_failure(fault: &Fault, now: SystemTime) -> Reply {
    let later = |default: u64| now + Duration::from_secs(fault.seconds.unwrap_or(default));
    match fault.kind {
        FaultKind::RateLimit => {
            limited().with("retry-after", &fault.seconds.unwrap_or(1).to_string())
        }
        FaultKind::RateLimitDate => {
            limited().with("retry-after", &httpdate::fmt_http_date(later(1)))
        }
        FaultKind::RateLimitReset => limited().with("x-ratelimit-reset", &minute(later(60))),
        FaultKind::RateLimitBare => limited()
            .with("x-failure-category", "FAILURE CLIENT RATE LIMITED")
            .with("x-ratelimit-limit", "360000"),
        FaultKind::RateLimitLong => limited()
            .with("retry-after", "1847")
            .with("ratelimit-reason", "confluence-quota-global-based"),
        FaultKind::RequestTimeout => Reply::json(
            StatusCode::REQUEST_TIMEOUT,
            r#"{"code":408,"message":"IncomingRequest Timeout"}"#,
        ),
        FaultKind::BadGateway => html_error(StatusCode::BAD_GATEWAY),
        FaultKind::Unavailable => match fault.seconds {
            Some(seconds) => html_error(StatusCode::SERVICE_UNAVAILABLE)
                .with("retry-after", &seconds.to_string()),
            None => html_error(StatusCode::SERVICE_UNAVAILABLE),
        },
        FaultKind::GatewayTimeout | FaultKind::TooLargeLimit => {
            html_error(StatusCode::GATEWAY_TIMEOUT)
        }
        _ => v2_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
            "Internal Server Error",
            None,
        ),
    }
}

fn limited() -> Reply {
    Reply::json(
        StatusCode::TOO_MANY_REQUESTS,
        r#"{"code":429,"message":"Rate limit exceeded"}"#,
    )
    .with("x-ratelimit-remaining", "0")
}

fn html_error(status: StatusCode) -> Reply {
    Reply::html(
        status,
        format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"),
    )
}

/// A time as it was seen in X-RateLimit-ResetSignal: without seconds.
fn minute(time: SystemTime) -> String {
    Timestamp::try_from(time)
        .map(|time| time.strftime("%Y-%m-%dT%H:%MZ").to_string())
        .unwrap_or_default()
}

/// The access that faults leave of the real one.
pub(super) fn effective_policy<'a>(
    active: &ActiveFaults<'_>,
    real: &'a AccessPolicy,
    target: Target<'_>,
) -> Cow<'a, AccessPolicy> {
    let mut access = Cow::Borrowed(real);
    for fault in active.all() {
        match fault.kind {
            FaultKind::WrongToken | FaultKind::TokenDies => revoke(access.to_mut()),
            FaultKind::PublicSite => {
                revoke(access.to_mut());
                access.to_mut().public = true;
            }
            FaultKind::NoSpaces => access.to_mut().spaces_visible = false,
            FaultKind::ScopedOnSite => access.to_mut().kind = TokenKind::Scoped(scopes(real)),
            FaultKind::MissingScope => {
                let mut left = scopes(&access);
                left.retain(|scope| !is_lost(fault, target, scope));
                access.to_mut().kind = TokenKind::Scoped(left);
            }
            _ => {}
        }
    }
    access
}

/// Makes the token another one than anybody has.
fn revoke(access: &mut AccessPolicy) {
    access.token.push_str(" is revoked");
}

fn is_lost(fault: &Fault, target: Target<'_>, scope: &str) -> bool {
    match (&fault.scope, target) {
        (Some(lost), _) => lost == scope,
        (None, Target::Endpoint(endpoint, _)) => Endpoint::scopes(endpoint).contains(&scope),
        (None, _) => false,
    }
}

fn scopes(access: &AccessPolicy) -> BTreeSet<String> {
    match &access.kind {
        TokenKind::Scoped(scopes) => scopes.clone(),
        TokenKind::Unscoped => current_scopes(),
    }
}

/// What faults do to a finished answer.
pub(super) fn alter_response(mut reply: Reply, active: &ActiveFaults<'_>) -> Reply {
    for fault in active.all() {
        reply = match fault.kind {
            FaultKind::NearLimit => reply.with("x-ratelimit-nearlimit", "true"),
            FaultKind::TruncatedJson if reply.status.is_success() => truncated(reply),
            FaultKind::WrongTypes if reply.status.is_success() => {
                with_corrupt_types(reply, fault.shape)
            }
            FaultKind::HugeBody => reply.sent(Transmission::Huge(HUGE_BODY_BYTES)),
            FaultKind::Drip => reply.sent(Transmission::Drip),
            FaultKind::Stall => reply.sent(Transmission::Stall),
            FaultKind::Hang => reply.sent(Transmission::Hang),
            FaultKind::ResetBefore => reply.sent(Transmission::ResetBefore),
            FaultKind::ResetWithin => reply.sent(Transmission::ResetWithin),
            _ => reply,
        };
    }
    reply
}

fn truncated(reply: Reply) -> Reply {
    let half = reply.body.len() / 2;
    Reply {
        body: reply.body.slice(..half),
        ..reply
    }
}

fn with_corrupt_types(reply: Reply, shape: TypeCorruption) -> Reply {
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match (shape, body.get_mut("results")) {
        (TypeCorruption::Number, Some(rows)) => corrupt_types(rows),
        (TypeCorruption::Number, None) => corrupt_types(&mut body),
        (TypeCorruption::Object, Some(rows)) => *rows = json!({"0": {}}),
        (TypeCorruption::Object, None) => body = json!([{}]),
    }
    Reply {
        body: body.to_string().into(),
        ..reply
    }
}

/// Turns every text into a number and every number into a text.
fn corrupt_types(value: &mut Value) {
    match value {
        Value::String(_) => *value = json!(7),
        Value::Number(_) => *value = json!("seven"),
        Value::Array(items) => items.iter_mut().for_each(corrupt_types),
        Value::Object(fields) => fields.values_mut().for_each(corrupt_types),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests;
