//! What a token endpoint answers (RFC 6749, 5.1 and 5.2), as far as it makes sense.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::contract::FailureKind;
use crate::printable::printable_within;
use crate::secrets::Secrets;

/// Bytes of an answer at most.
pub(super) const MAX_RESPONSE: usize = 64 << 10;
/// Bytes of a token at most: servers refuse larger headers.
const MAX_TOKEN: usize = 16 << 10;
/// The lifetime of a token where the answer does not say. The service refuses it earlier if it ends earlier.
const USUAL_LIFETIME: Duration = Duration::from_hours(1);
/// A token is renewed once a day, whatever lifetime is claimed for it.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);
/// No wait is longer: quotas are refilled each hour.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// What some programs write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Bytes of a quotation.
const QUOTE: usize = 200;

/// Why there is no token: what is `unavailable` or `rate_limited` may pass, anything else needs a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct TokenError {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    /// Whether there was an answer.
    pub(super) answered: bool,
    /// When the client may be exchanged again, if the endpoint says so.
    pub(super) retry_at: Option<Instant>,
}

impl TokenError {
    /// Whether another try may succeed without a person.
    pub(super) fn is_transient(&self) -> bool {
        [FailureKind::Unavailable, FailureKind::RateLimited].contains(&self.kind)
    }
}

/// A token that can be used.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) token: String,
    pub(super) header: HeaderValue,
    pub(super) lifetime: Duration,
}

/// Of any JSON type: what is wrong with them is said in words.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Response {
    access_token: Value,
    token_type: Value,
    expires_in: Value,
    error: Value,
    error_description: Value,
}

/// The wait that an answer asks for, in seconds.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let wait = Duration::from_secs(value.trim().parse().ok()?);
    (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
}

/// The token of an answer.
pub(super) fn read_response(
    status: StatusCode,
    body: &[u8],
    secrets: &Secrets,
) -> Result<Grant, TokenError> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let response = serde_json::from_slice::<Response>(body);
    if !status.is_success() {
        return Err(refusal(status, &response.unwrap_or_default(), secrets));
    }
    let response = response.map_err(|_| {
        let message = "it answers with something else than JSON; check token_url";
        error(FailureKind::InvalidConfig, message)
    })?;
    if !response.error.is_null() && response.access_token.is_null() {
        return Err(refusal(StatusCode::BAD_REQUEST, &response, secrets));
    }
    grant(&response)
}

fn grant(response: &Response) -> Result<Grant, TokenError> {
    let unexpected = |message: &str| error(FailureKind::UnexpectedResponse, message);
    let token = response
        .access_token
        .as_str()
        .filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| unexpected("its answer holds no access_token"))?;
    if token.len() > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "its access_token is too long, or has a character that no token has";
        return Err(unexpected(message));
    }
    let bearer = response.token_type.as_str().unwrap_or("bearer");
    if !bearer.eq_ignore_ascii_case("bearer") {
        return Err(unexpected("its token_type is not Bearer"));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| unexpected("its access_token cannot be sent"))?;
    header.set_sensitive(true);
    Ok(Grant {
        token: token.to_owned(),
        header,
        lifetime: lifetime(&response.expires_in),
    })
}

/// Seconds as a number, or as a text as some servers have it. The member is optional: a token whose lifetime makes no
/// sense is as good as one without.
fn lifetime(expires_in: &Value) -> Duration {
    let seconds = match expires_in {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds| *seconds >= 1.0);
    seconds.map_or(USUAL_LIFETIME, |seconds| {
        Duration::from_secs_f64(seconds.min(LONGEST_LIFETIME.as_secs_f64()))
    })
}

/// What a refusal means, by its code where it has one.
fn refusal(status: StatusCode, response: &Response, secrets: &Secrets) -> TokenError {
    let code = response.error.as_str().unwrap_or_default();
    let quote = quote(status, response, secrets);
    let transient = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if status.is_server_error() || transient {
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => FailureKind::RateLimited,
            _ => FailureKind::Unavailable,
        };
        return error(kind, &format!("{quote}; call again later"));
    }
    let of_client = [
        "invalid_client",
        "unauthorized_client",
        "access_denied",
        "invalid_grant",
    ];
    let is_refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    if of_client.contains(&code) || is_refused {
        let message = format!(
            "it refuses the client; check client_id and client_secret, which may have been replaced or revoked: {quote}"
        );
        return error(FailureKind::InvalidCredentials, &message);
    }
    let message = format!("it does not exchange the client; check token_url: {quote}");
    error(FailureKind::InvalidConfig, &message)
}

/// Status, code and description, made safe to show.
fn quote(status: StatusCode, response: &Response, secrets: &Secrets) -> String {
    let texts = [&response.error, &response.error_description];
    let texts = texts.into_iter().filter_map(Value::as_str);
    let facts = [format!("HTTP {}", status.as_u16())].into_iter();
    let facts: Vec<_> = facts.chain(texts.map(str::to_owned)).collect();
    printable_within(&secrets.redact(&facts.join(", ")), QUOTE)
}

fn error(kind: FailureKind, message: &str) -> TokenError {
    TokenError {
        kind,
        message: message.to_owned(),
        answered: true,
        retry_at: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn read(status: u16, body: &str) -> Result<Grant, TokenError> {
        let status = StatusCode::from_u16(status).unwrap();
        read_response(status, body.as_bytes(), &Secrets::default())
    }

    #[test]
    fn a_token_lives_as_long_as_it_is_said_to() {
        for (expires_in, seconds) in [
            (Value::Null, 3600),
            (json!(60), 60),
            (json!("1800"), 1800),
            (json!(1e300), 86_400),
            (json!(0), 3600),
            (json!(-1), 3600),
            (json!("soon"), 3600),
            (json!("NaN"), 3600),
            (json!([60]), 3600),
        ] {
            let body = json!({ "access_token": "a.b-c", "token_type": "bearer", "expires_in": expires_in });
            for mark in ["", "\u{feff}"] {
                let grant = read(200, &format!("{mark}{body}")).unwrap();
                assert_eq!(grant.lifetime.as_secs(), seconds, "{expires_in}");
            }
        }
    }

    #[test]
    fn what_is_no_token_is_said_in_words() {
        use FailureKind::{
            InvalidConfig, InvalidCredentials, RateLimited, Unavailable, UnexpectedResponse,
        };
        for (status, body, kind, said) in [
            (200, "{}", UnexpectedResponse, "no access_token"),
            (
                200,
                r#"{"access_token":7}"#,
                UnexpectedResponse,
                "no access_token",
            ),
            (
                200,
                r#"{"access_token":"a\nb"}"#,
                UnexpectedResponse,
                "a character that no token has",
            ),
            (
                200,
                r#"{"access_token":"a b"}"#,
                UnexpectedResponse,
                "a character that no token has",
            ),
            (
                200,
                r#"{"access_token":"abc","token_type":"mac"}"#,
                UnexpectedResponse,
                "not Bearer",
            ),
            (200, "<html>", InvalidConfig, "something else than JSON"),
            (200, "", InvalidConfig, "something else than JSON"),
            (
                200,
                r#"{"error":"invalid_client"}"#,
                InvalidCredentials,
                "refuses the client",
            ),
            (
                400,
                r#"{"error":"invalid_client"}"#,
                InvalidCredentials,
                "check client_id and client_secret",
            ),
            (
                401,
                r#"{"error":"access_denied","error_description":"Un\u001bauthorized"}"#,
                InvalidCredentials,
                "HTTP 401, access_denied, Un",
            ),
            (401, "<html>", InvalidCredentials, "HTTP 401"),
            (
                400,
                r#"{"error":"unsupported_grant_type"}"#,
                InvalidConfig,
                "unsupported_grant_type",
            ),
            (302, "", InvalidConfig, "check token_url: HTTP 302"),
            (404, "<html>", InvalidConfig, "check token_url"),
            (429, "", RateLimited, "HTTP 429"),
            (503, "<html>", Unavailable, "call again later"),
        ] {
            let error = read(status, body).unwrap_err();
            assert_eq!(error.kind, kind, "{body}: {error}");
            assert!(error.message.contains(said), "{body}: {error}");
            assert!(!error.message.contains('\u{1b}'), "{error}");
        }
    }
}
