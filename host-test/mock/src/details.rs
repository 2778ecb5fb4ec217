//! The three endpoints without pages: users, views and content states.

use std::collections::HashSet;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::access::Visibility;
use super::corpus::{Page, User};
use super::envelope::envelope;
use super::error_responses::{bad_parameter, v1_error, v2_error};
use super::reply::Reply;
use super::request::IncomingRequest;
use super::site::{Site, number};

/// The most account ids of one request.
const MOST_ACCOUNTS: usize = 250;

/// POST /users-bulk. Unknown ids are left out; the order is not the one asked for.
pub(super) fn users(site: &Site, request: &IncomingRequest, visibility: Visibility) -> Reply {
    let content_type = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return v2_error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "Unsupported Media Type",
            None,
        );
    }
    let Some(wanted) = accounts(request) else {
        return bad_parameter("accountIds", "List of 1 to 250 String");
    };
    let mut seen = HashSet::new();
    let known = |id: &String| seen.insert(id.clone()).then(|| site.user(id)).flatten();
    let users: Vec<&User> = wanted
        .iter()
        .rev()
        .filter_map(known)
        .filter(|_| visibility != Visibility::Nothing)
        .collect();
    envelope(site, users, None, false)
}

/// The ids of a body that asks for 1 to 250 accounts.
fn accounts(request: &IncomingRequest) -> Option<Vec<String>> {
    let wanted: Vec<String> = request.account_ids().collect();
    let fine = (1..=MOST_ACCOUNTS).contains(&wanted.len()) && !wanted.iter().any(String::is_empty);
    fine.then_some(wanted)
}

/// GET views: the id is a number here; a page without analytics is a 404.
pub(super) fn views(page: &Page) -> Reply {
    match page.views {
        Some(count) => Reply::json(
            StatusCode::OK,
            json!({"id": number(&page.id), "count": count}).to_string(),
        ),
        None => v1_error(
            StatusCode::NOT_FOUND,
            "There is no content with the given ID.",
        ),
    }
}

/// GET state: `{}` when none was ever set, only a time when it was removed. Drafts have none here.
pub(super) fn state(page: &Page, status: Option<&str>) -> Reply {
    let state = page.state.as_ref().filter(|_| status != Some("draft"));
    let body = state
        .and_then(|state| serde_json::to_string(state).ok())
        .unwrap_or_else(|| "{}".to_owned());
    Reply::json(StatusCode::OK, body)
}
