//! The token endpoint: exchanges an OAuth client for access tokens that end.
//!
//! A token says itself when it ends, so nobody has to remember it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::damage::fnv1a;
use super::error_responses::html_not_found;
use super::reply::Reply;
use super::request::{IncomingRequest, decode, pairs};

/// The client that the mock knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The lifetime that a token is said to have.
    pub expires_in: Duration,
    /// The lifetime that a token really has.
    pub lifetime: Duration,
}

impl Default for OauthClient {
    /// Tokens of 60 minutes.
    fn default() -> Self {
        Self {
            id: "mock-client".to_owned(),
            secret: "ATOAmock-client-secret".to_owned(),
            expires_in: Duration::from_hours(1),
            lifetime: Duration::from_hours(1),
        }
    }
}

impl OauthClient {
    /// Answers a request for a token, whose body is a form (RFC 6749) or JSON.
    pub(super) fn exchange(
        &self,
        request: &IncomingRequest,
        now: SystemTime,
        number: u64,
    ) -> Reply {
        if request.method != Method::POST {
            return html_not_found();
        }
        let field = |name| field(request, name).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            return refusal(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "Unsupported grant type",
            );
        }
        if field("client_id") != self.id || field("client_secret") != self.secret {
            return refusal(StatusCode::UNAUTHORIZED, "invalid_client", "Unauthorized");
        }
        let token = json!({
            "access_token": sealed(milliseconds(now + self.lifetime), number),
            "token_type": "Bearer",
            "expires_in": self.expires_in.as_secs(),
            "scope": super::access::CURRENT_SCOPES.join(" "),
        });
        Reply::json(StatusCode::OK, token.to_string())
    }
}

/// Whether a token was issued here and has not ended.
pub(super) fn is_good(token: &str, now: SystemTime) -> bool {
    let mut parts = token.split('.').skip(1);
    let mut next = || parts.next().and_then(|part| part.parse().ok());
    let (Some(ends_at), Some(number)) = (next(), next()) else {
        return false;
    };
    ends_at > milliseconds(now) && token == sealed(ends_at, number)
}

fn sealed(ends_at: u64, number: u64) -> String {
    let seal = fnv1a(format!("{ends_at}.{number}.mock").as_bytes());
    format!("mock-access-token.{ends_at}.{number}.{seal:016x}")
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn field(request: &IncomingRequest, name: &str) -> Option<String> {
    let content_type = request.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if content_type.starts_with("application/json") {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        return Some(body.get(name)?.as_str()?.to_owned());
    }
    let form = std::str::from_utf8(&request.body).ok()?;
    let (_, value) = pairs(form).find(|(given, _)| *given == name)?;
    decode(name, value)
}

fn refusal(status: StatusCode, code: &str, description: &str) -> Reply {
    let body = json!({ "error": code, "error_description": description });
    Reply::json(status, body.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn post(content_type: &'static str, body: &str) -> Reply {
        let mut request = IncomingRequest::post("/oauth/token", body);
        let content_type = http::HeaderValue::from_static(content_type);
        request.headers.insert(CONTENT_TYPE, content_type);
        OauthClient::default().exchange(&request, SystemTime::now(), 7)
    }

    #[test]
    fn a_client_is_exchanged_for_a_token_that_ends() {
        let form = "grant_type=client_credentials&client_id=mock%2Dclient&client_secret=ATOAmock-client-secret";
        let reply = post("application/x-www-form-urlencoded", form);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let token = body.get("access_token").unwrap().as_str().unwrap();
        let now = SystemTime::now();
        assert!(is_good(token, now) && !is_good(token, now + Duration::from_hours(2)));
        assert!(!is_good(&token.replace('7', "8"), now) && !is_good("", now));
        let json = r#"{"grant_type":"client_credentials","client_id":"mock-client","client_secret":"wrong"}"#;
        assert_eq!(
            post("application/json", json).status,
            StatusCode::UNAUTHORIZED
        );
        let form = "grant_type=password";
        let reply = post("application/x-www-form-urlencoded", form);
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    }
}
