//! The responses to requests that fail, as measured (markfluence docs/confluence/api.md, 2026-08-20 and 21).

use http::StatusCode;
use serde_json::json;

use super::endpoint::Endpoint;
use super::reply::Reply;

/// An error of the v2 API.
pub(super) fn v2_error(status: StatusCode, code: &str, title: &str, detail: Option<&str>) -> Reply {
    let body = json!({"errors": [{"status": status.as_u16(), "code": code, "title": title, "detail": detail}]});
    Reply::json(status, body.to_string())
}

/// What v2 says about wrong credentials, a wrong cloud id, and sometimes a purged page.
pub(super) fn bare_not_found() -> Reply {
    v2_error(StatusCode::NOT_FOUND, "NOT_FOUND", "Not Found", None)
}

/// A v2 404 that names what is missing.
pub(super) fn named_not_found(title: &str) -> Reply {
    v2_error(StatusCode::NOT_FOUND, "NOT_FOUND", title, None)
}

/// A parameter that v2 does not take.
pub(super) fn bad_parameter(name: &str, expected: &str) -> Reply {
    let title = format!(
        "Provided value for '{name}' is not the correct type. Expected type is {expected}."
    );
    let detail = (name == "cursor").then_some(
        "The provided cursor was not valid. You can get a new valid cursor by making the original pagination request again.",
    );
    v2_error(
        StatusCode::BAD_REQUEST,
        "INVALID_REQUEST_PARAMETER",
        &title,
        detail,
    )
}

/// An error of the v1 API.
pub(super) fn v1_error(status: StatusCode, message: &str) -> Reply {
    Reply::json(
        status,
        json!({"statusCode": status.as_u16(), "message": message}).to_string(),
    )
}

/// A v1 404 that names the page.
pub(super) fn v1_not_found(id: &str) -> Reply {
    let message = format!(
        "com.atlassian.confluence.api.service.exceptions.NotFoundException: Content with id: [{id}] not found"
    );
    let data = json!({"authorized": true, "valid": true, "errors": [], "successful": true});
    Reply::json(
        StatusCode::NOT_FOUND,
        json!({"statusCode": 404, "data": data, "message": message}).to_string(),
    )
}

/// The first of the two v1 phrasings for wrong credentials.
pub(super) const CANNOT_ACCESS: &str = "caller cannot access Confluence";
/// The second of them.
pub(super) const NOT_PERMITTED: &str = "Current user not permitted to use Confluence";

/// v1 about wrong credentials.
pub(super) fn v1_forbidden(message: &str) -> Reply {
    v1_error(StatusCode::FORBIDDEN, message)
}

/// The gateway about a scope that the token lacks.
pub(super) fn scope_mismatch() -> Reply {
    Reply::json(
        StatusCode::UNAUTHORIZED,
        r#"{"code":401,"message":"Unauthorized; scope does not match"}"#,
    )
    .with("x-failure-category", "FAILURE_CLIENT_SCOPE_CHECK")
}

/// The gateway about something else.
pub(super) fn gateway_unauthorized() -> Reply {
    Reply::json(
        StatusCode::UNAUTHORIZED,
        r#"{"code":401,"message":"Unauthorized"}"#,
    )
}

/// The site about a scoped token.
pub(super) fn tomcat_unauthorized() -> Reply {
    let body = "<!doctype html><html lang=\"en\"><head><title>HTTP Status 401 – Unauthorized</title></head>\
                <body><h1>HTTP Status 401 – Unauthorized</h1></body></html>";
    Reply::html(StatusCode::UNAUTHORIZED, body)
}

/// The site about a token sent as Bearer.
pub(super) fn bearer_refused() -> Reply {
    Reply::json(
        StatusCode::FORBIDDEN,
        r#"{"error": "Failed to parse Connect Session Auth Token"}"#,
    )
}

/// The site about an address that is not on its list.
pub(super) fn address_refused() -> Reply {
    let message = "The IP address has been rejected because it is not on the allowed list. See your admin for more information.";
    Reply::json(
        StatusCode::FORBIDDEN,
        json!({"errorMessages": [message], "errors": {}}).to_string(),
    )
}

/// A route that does not exist.
pub(super) fn html_not_found() -> Reply {
    let body = "<!DOCTYPE html><html><head><title>Oops, you've found a dead link.</title></head><body>404</body></html>";
    Reply::html(StatusCode::NOT_FOUND, body)
}

/// The 404 that names a page.
pub(super) fn named_missing(endpoint: Endpoint, id: &str) -> Reply {
    match endpoint {
        Endpoint::Versions => named_not_found(&format!("Cannot find a page with id [{id}]")),
        Endpoint::Labels => named_not_found(&format!("Could not find page with id [{id}]")),
        _ => v1_not_found(id),
    }
}

/// What the service says about a cursor that is not valid any more.
pub(super) fn expired_cursor(status: StatusCode) -> Reply {
    if status == StatusCode::BAD_REQUEST {
        return bad_parameter("cursor", "Cursor");
    }
    let body = json!({"errors": [{"status": status.as_u16(), "code": "GONE", "title": "The cursor has expired.", "detail": null}]});
    Reply::json(status, body.to_string())
}
