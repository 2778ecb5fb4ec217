//! What an answer means: one pure function from the request's context and the response to an error and an action.
//!
//! The service tells its failures apart in ways that nobody would guess. Measured on 2026-08-20 and 21 (markfluence,
//! `docs/confluence/api.md`): a wrong token is a 404 on v2 and a 403 on v1, a missing scope is a 401, a scoped token at
//! the site's own address is a 401 in HTML. And under load, false 403s and 404s come and go within a minute.

mod failure;
mod not_found;
mod redirect;
mod refusal;
mod status;
mod suspension;
mod suspicion;

pub use self::failure::{Failure, Resolution, ResponseAction};
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
    // 203 is a 200 that a proxy has changed; an empty body of a 204 is judged like any other. A part of a body (206),
    // an answer that comes later (202) or one for several requests (207) is none.
    if matches!(response.status, 200 | 203 | 204) {
        return Ok(());
    }
    let body = ErrorBody::read(context.config, &response.body);
    let found = status::classify_status(context, response, &body);
    Err(Failure {
        error: error(context, found.kind, &found.message, Some(response)),
        action: found.action,
        from_cdn: is_from_cdn(response),
        fewer_rows: matches!(response.status, 500 | 502..=504),
    })
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
            if suspension::is_suspended(&ErrorBody::read(context.config, &response.body)) =>
        {
            suspension::suspended()
        }
        // Perhaps a login page: the credentials may have stopped working.
        BodyError::Html if context.authenticated => Classification::new(
            Kind::Unavailable,
            ResponseAction::Suspect(suspicion::resolution(context)),
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
        let trace: String = printable.take(64).collect();
        if !trace.is_empty() {
            facts.extend([", atl-traceid ", trace.as_str()]);
        }
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
