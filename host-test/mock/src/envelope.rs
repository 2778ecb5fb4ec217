//! The envelope of v2: rows, and links in the body and in the header.

use http::StatusCode;
use serde::Serialize;

use super::reply::Reply;
use super::site::Site;

#[derive(Serialize)]
struct Envelope<'a, T> {
    results: Vec<T>,
    _links: Links<'a>,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
    base: &'a str,
}

/// Rows in the envelope of v2, with the links in the body and in the header.
pub(super) fn envelope<T: Serialize>(
    site: &Site,
    results: Vec<T>,
    next: Option<&str>,
    only_header: bool,
) -> Reply {
    let base = site.base();
    let in_body = next.filter(|_| !only_header);
    let body = serde_json::to_vec(&Envelope {
        results,
        _links: Links {
            next: in_body,
            base: &base,
        },
    })
    .unwrap_or_default();
    let link = next
        .map(|next| format!("<{next}>; rel=\"next\", "))
        .unwrap_or_default();
    Reply::json(StatusCode::OK, body).with("link", &format!("{link}<{base}>; rel=\"base\""))
}
