//! What an answer means: one pure function from the request's context and the response to an error and an action.
//!
//! The service tells its failures apart in ways that nobody would guess. Measured on 2026-08-20 and 21 (markfluence,
//! `docs/confluence/api.md`): a wrong token is a 404 on v2 and a 403 on v1, a missing scope is a 401, a scoped token at
//! the site's own address is a 401 in HTML. And under load, false 403s and 404s come and go within a minute.

mod redirect;
mod refusal;

use super::error_body::ErrorBody;
use super::{Response, TransportError};
use crate::config::Config;
use crate::endpoint::{Endpoint, PageRef};
use crate::error::{Error, Kind};
use crate::wire::BodyError;

#[cfg(test)]
mod tests;

/// What was requested, as far as it matters for the meaning of the answer.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext<'a> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The page that the request was about.
    pub page: Option<PageRef<'a>>,
    /// Where the request was sent and as whom. Credentials are removed from quotations.
    pub config: &'a Config,
    /// Whether the request held a cursor.
    pub has_cursor: bool,
    /// Whether these credentials worked before in this run.
    pub authenticated: bool,
}

/// An answer that is not the desired one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error if it stays.
    pub error: Error,
    /// What to do about it.
    pub action: ResponseAction,
    /// Whether the CDN generated the answer, as in the runs of false 403s and 404s that were seen.
    pub from_cdn: bool,
    /// Whether fewer rows may be answered: the service was overloaded or too slow, or the answer too long.
    pub fewer_rows: bool,
}

/// What a failed request calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseAction {
    /// Transient: retry.
    Retry,
    /// No connection, and no good answer so far: retry once. A wrong address does not heal.
    RetryOnce,
    /// The service limits the rate: pause all requests, then retry.
    RateLimited,
    /// A complete answer that cannot be understood: retry a little.
    RetryBody,
    /// It may be false: confirm the credentials, then retry a little. If it stays, it is what [`Resolution`] says.
    Suspect(Resolution),
    /// The service names the page as missing; believed once the credentials are confirmed.
    PageGone,
    /// The value is refused in so many words; believed once the credentials are confirmed.
    Unavailable,
    /// The cursor is not accepted.
    RestartListing,
    /// This request fails, others may succeed.
    Fail,
    /// Every request would fail.
    FailRun,
}

/// What a suspect answer is if it stays though the credentials work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The page no longer exists.
    PageGone,
    /// The value is not available.
    Unavailable,
    /// This request fails.
    Fail,
    /// Every request would fail.
    FailRun,
}

impl ResponseAction {
    /// Whether the credentials have to be confirmed first.
    #[must_use]
    pub fn needs_confirmation(self) -> bool {
        matches!(self, Self::Suspect(_) | Self::PageGone | Self::Unavailable)
    }
}

/// What an answer means.
struct Classification {
    /// Who has to act.
    kind: Kind,
    action: ResponseAction,
    /// What a person reads.
    message: String,
}

impl Classification {
    fn new(kind: Kind, action: ResponseAction, message: impl Into<String>) -> Self {
        Self {
            kind,
            action,
            message: message.into(),
        }
    }
}

/// Classifies an answer.
///
/// # Errors
///
/// What is wrong with it. The body of a good answer still has to be read.
pub fn classify(context: RequestContext<'_>, response: &Response) -> Result<(), Failure> {
    if (200..300).contains(&response.status) {
        return Ok(());
    }
    let body = ErrorBody::read(context.config, &response.body);
    let found = classify_failure(context, response, &body);
    Err(Failure {
        error: error(context, found.kind, &found.message, Some(response)),
        action: found.action,
        from_cdn: is_from_cdn(response),
        fewer_rows: matches!(response.status, 500 | 502..=504),
    })
}

fn classify_failure(
    context: RequestContext<'_>,
    response: &Response,
    body: &ErrorBody,
) -> Classification {
    let unavailable =
        |message: String| Classification::new(Kind::Unavailable, ResponseAction::Retry, message);
    match response.status {
        status if status >= 400 && refusal::is_suspended(body) => refusal::suspended(),
        300..=399 => redirect::redirect(context, response),
        400 | 410 if context.has_cursor => Classification::new(
            Kind::UnexpectedResponse,
            ResponseAction::RestartListing,
            format!(
                "the service does not accept the cursor of the listing{}",
                body.quote()
            ),
        ),
        400 => failed(format!("the service rejects the request{}", body.quote())),
        401 => refusal::unauthorized(context, response, body),
        402 => Classification::new(
            Kind::InvalidPermissions,
            ResponseAction::Fail,
            format!(
                "the site's subscription does not cover this; ask its administrator{}",
                body.quote()
            ),
        ),
        403 => refusal::forbidden(context, response, body),
        404 => refusal::not_found(context, body),
        407 => Classification::new(
            Kind::InvalidConfig,
            ResponseAction::FailRun,
            "a proxy on the way asks for credentials; put them into the proxy settings of the host",
        ),
        408 | 421 | 425 => unavailable(format!(
            "the service timed out or was not ready{}; call again later",
            body.quote()
        )),
        410 => failed(format!(
            "the service has removed this endpoint{}",
            body.quote()
        )),
        429 => Classification::new(
            Kind::RateLimited,
            ResponseAction::RateLimited,
            "the service limits the rate of requests; call again later",
        ),
        451 => Classification::new(
            Kind::InvalidPermissions,
            ResponseAction::Fail,
            format!("the content is blocked for legal reasons{}", body.quote()),
        ),
        500..=599 => unavailable(format!(
            "the service failed{}; call again later",
            body.quote()
        )),
        _ => failed(format!(
            "an answer that this connector does not know{}",
            body.quote()
        )),
    }
}

fn failed(message: String) -> Classification {
    Classification::new(Kind::UnexpectedResponse, ResponseAction::Fail, message)
}

/// The failure of a request without a response.
#[must_use]
pub fn transport_failure(context: RequestContext<'_>, cause: &TransportError) -> Failure {
    let (kind, action) = match cause {
        TransportError::Timeout(_) | TransportError::Network(_) => {
            (Kind::Unavailable, ResponseAction::Retry)
        }
        TransportError::Unreachable(_) if context.authenticated => {
            (Kind::Unavailable, ResponseAction::Retry)
        }
        TransportError::Unreachable(_) => (Kind::Unavailable, ResponseAction::RetryOnce),
        TransportError::Denied(_) | TransportError::Certificate(_) => {
            (Kind::InvalidConfig, ResponseAction::FailRun)
        }
        // Like a body that cannot be understood: something in between may have answered once.
        TransportError::Unreadable(_) => (Kind::UnexpectedResponse, ResponseAction::RetryBody),
        TransportError::TooLarge => (Kind::UnexpectedResponse, ResponseAction::Fail),
    };
    Failure {
        error: error(context, kind, &cause.to_string(), None),
        action,
        from_cdn: false,
        fewer_rows: matches!(
            cause,
            TransportError::Timeout(_) | TransportError::Network(_) | TransportError::TooLarge
        ),
    }
}

/// The failure of a good status with a body that cannot be used.
#[must_use]
pub fn body_failure(
    context: RequestContext<'_>,
    response: &Response,
    cause: &BodyError,
) -> Failure {
    let found = match cause {
        cut if cut.is_cut() => Classification::new(
            Kind::Unavailable,
            ResponseAction::Retry,
            format!("the answer broke off ({cut}); call again later"),
        ),
        BodyError::Html
            if refusal::is_suspended(&ErrorBody::read(context.config, &response.body)) =>
        {
            refusal::suspended()
        }
        // Perhaps a login page: the credentials may have stopped working.
        BodyError::Html if context.authenticated => Classification::new(
            Kind::Unavailable,
            ResponseAction::Suspect(refusal::resolution(context)),
            "something between here and Confluence answered with a web page; call again later",
        ),
        BodyError::Html => Classification::new(
            Kind::UnexpectedResponse,
            ResponseAction::Fail,
            "HTML instead of JSON: a login page, or another server than Confluence's; check base_url",
        ),
        other => Classification::new(
            Kind::UnexpectedResponse,
            ResponseAction::RetryBody,
            format!(
                "the answer is not understood: {other}; please report it to the authors of this connector"
            ),
        ),
    };
    Failure {
        error: error(context, found.kind, &found.message, Some(response)),
        action: found.action,
        from_cdn: false,
        fewer_rows: cause.is_cut(),
    }
}

/// An error whose message ends with the facts: status, endpoint, page, and the id that Atlassian's support asks for.
fn error(
    context: RequestContext<'_>,
    kind: Kind,
    message: &str,
    response: Option<&Response>,
) -> Error {
    let endpoint = context.endpoint;
    let mut facts = match response {
        Some(response) => format!("HTTP {} from {endpoint}", response.status),
        None => endpoint.to_string(),
    };
    if let Some(page) = context.page {
        facts.extend([", page ", page.id]);
    }
    if let Some(trace) = response.and_then(|response| response.headers.get("atl-traceid")) {
        let printable = trace.chars().filter(char::is_ascii_graphic);
        facts.push_str(", atl-traceid ");
        facts.extend(printable.take(64));
    }
    let message = context.config.redact(&format!("{message} ({facts})"));
    let error = Error::new(kind, message).at(endpoint);
    match response {
        Some(response) => error.with_status(response.status),
        None => error,
    }
}

fn is_from_cdn(response: &Response) -> bool {
    let cache = response.headers.get("x-cache");
    cache.is_some_and(|cache| cache.starts_with("Error"))
}
