//! A request as the pure core sees it, and how its query is taken apart.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// A request without a connection.
#[derive(Clone, Debug, Default)]
pub struct IncomingRequest {
    /// The method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark; empty when there is none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: bytes::Bytes,
    /// Whether an earlier request came over the same connection.
    pub reuses_connection: bool,
}

impl IncomingRequest {
    /// A GET of a path that may have a query.
    #[must_use]
    pub fn get(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    /// A POST of JSON.
    #[must_use]
    pub fn post(path: &str, body: &str) -> Self {
        let json = http::HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, json)]);
        Self {
            method: Method::POST,
            path: path.to_owned(),
            headers,
            body: body.to_owned().into(),
            ..Self::default()
        }
    }

    /// The same request with Basic credentials.
    #[must_use]
    pub fn with_basic(mut self, username: &str, token: &str) -> Self {
        if let Ok(value) = basic(username, token).parse() {
            self.headers.insert(http::header::AUTHORIZATION, value);
        }
        self
    }
}

impl IncomingRequest {
    /// The account ids that a body of users-bulk names; none when it is no such body.
    pub(super) fn account_ids(&self) -> impl Iterator<Item = String> + use<> {
        let body = serde_json::from_slice::<UsersBulkRequest>(&self.body);
        body.map(|body| body.account_ids)
            .unwrap_or_default()
            .into_iter()
    }
}

/// The body of users-bulk.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsersBulkRequest {
    account_ids: Vec<String>,
}

/// The value of an `Authorization` header.
pub(super) fn basic(username: &str, token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{token}")))
}

/// The names and values of a query, still encoded.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Undoes percent-encoding. In a cursor a plus is a plus, elsewhere it is a space, as in forms:
/// so a cursor works when sent back as it came, and when encoded, but not when its pluses became spaces.
pub(super) fn decode(name: &str, value: &str) -> Option<String> {
    let value = if name == "cursor" {
        value.to_owned()
    } else {
        value.replace('+', " ")
    };
    percent_decode_str(&value)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests;
