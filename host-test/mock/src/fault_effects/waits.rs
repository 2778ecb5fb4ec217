//! Limits and failures of the service, and every way to say how long to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, StatusCode};
use jiff::Timestamp;

use crate::error_responses::{v1_error, v2_error};
use crate::fault::Fault;
use crate::faults::FaultKind;
use crate::reply::Reply;

/// Limits and failures of the service; nothing for a fault of another kind.
pub(super) fn service_failure(fault: &Fault, now: SystemTime) -> Option<Reply> {
    let later = |default: u64| now + Duration::from_secs(fault.seconds.unwrap_or(default));
    Some(match fault.kind {
        FaultKind::RateLimit => {
            limited().with("retry-after", &fault.seconds.unwrap_or(1).to_string())
        }
        FaultKind::RateLimitDate => {
            limited().with("retry-after", &httpdate::fmt_http_date(later(1)))
        }
        FaultKind::RateLimitReset => limited().with("x-ratelimit-reset", &minute(later(60))),
        FaultKind::RateLimitEpoch => limited().with("x-ratelimit-reset", &epoch(fault, later(1))),
        FaultKind::RateLimitBare => limited()
            .with("x-failure-category", "FAILURE CLIENT RATE LIMITED")
            .with("x-ratelimit-limit", "360000"),
        FaultKind::RateLimitLong => limited()
            .with("retry-after", "1847")
            .with("ratelimit-reason", "confluence-quota-global-based"),
        FaultKind::OddRetryAfter => odd_retry_after(fault, now),
        FaultKind::RequestTimeout => Reply::json(
            StatusCode::REQUEST_TIMEOUT,
            r#"{"code":408,"message":"Request Timeout"}"#,
        ),
        FaultKind::AnalyticsDown => v1_error(
            StatusCode::SERVICE_UNAVAILABLE,
            "The analytics service is not available.",
        ),
        FaultKind::BadGateway => html_error(StatusCode::BAD_GATEWAY),
        FaultKind::Unavailable => unavailable(fault.seconds),
        FaultKind::GatewayTimeout | FaultKind::TooLargeLimit => {
            html_error(StatusCode::GATEWAY_TIMEOUT)
        }
        FaultKind::ServerError => v2_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
            "Internal Server Error",
            None,
        ),
        _ => return None,
    })
}

fn unavailable(seconds: Option<u64>) -> Reply {
    let reply = html_error(StatusCode::SERVICE_UNAVAILABLE);
    match seconds {
        Some(seconds) => reply.with("retry-after", &seconds.to_string()),
        None => reply,
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

/// A time as it was seen in X-RateLimit-Reset: without seconds.
fn minute(time: SystemTime) -> String {
    formatted(time, "%Y-%m-%dT%H:%MZ")
}

fn formatted(time: SystemTime, format: &str) -> String {
    Timestamp::try_from(time)
        .map(|time| time.strftime(format).to_string())
        .unwrap_or_default()
}

/// A time since 1970, as services behind the same gateways write X-RateLimit-Reset.
fn epoch(fault: &Fault, time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    match fault.form {
        "milliseconds" => since.as_millis().to_string(),
        // Rounded up, so that the time has come when the client tries again.
        _ => (since.as_secs() + u64::from(since.subsec_nanos() > 0)).to_string(),
    }
}

/// 429 with one of the Retry-After headers that were seen and that RFC 9110 does not allow, or hardly.
fn odd_retry_after(fault: &Fault, now: SystemTime) -> Reply {
    let seconds = fault.seconds.unwrap_or(1);
    let then = now + Duration::from_secs(seconds);
    let value = fault.value.clone().unwrap_or_else(|| match fault.form {
        "fraction" => format!("{seconds}.5"),
        "unit" => format!("{seconds}s"),
        "doubled" => format!("{seconds}, {seconds}"),
        "rfc850" => formatted(then, "%A, %d-%b-%y %H:%M:%S GMT"),
        "asctime" => formatted(then, "%a %b %e %H:%M:%S %Y"),
        "utc" => formatted(then, "%a, %d %b %Y %H:%M:%S UTC"),
        "negative" => "-5".to_owned(),
        "absurd" => "99999999999999999999".to_owned(),
        "empty" => String::new(),
        "garbage" => "soon".to_owned(),
        _ => seconds.to_string(),
    });
    let mut reply = limited().with("retry-after", &value);
    reply.status = fault.status_or(StatusCode::TOO_MANY_REQUESTS);
    if let ("two-headers", Ok(value)) = (fault.form, HeaderValue::from_str(&value)) {
        reply.headers.append("retry-after", value);
    }
    reply
}
