//! Why a request failed: a code for the guest, and words for a person.
//!
//! What the codes mean to a guest:
//!
//! | code | meaning | another try |
//! |---|---|---|
//! | `TLS-certificate-error`, `HTTP-request-denied`, `destination-IP-prohibited` | until a person acts, no request succeeds | does not help |
//! | `configuration-error` | so it is with the proxy that the host is told to use, a port without TLS, or the credentials that the host holds | does not help |
//! | `HTTP-response-content-coding` | the answer is in a coding that nobody asked for | does not help |
//! | `HTTP-response-body-size`, `HTTP-response-header-section-size` | the answer is larger than the limit | does not help |
//! | `HTTP-response-incomplete` | the answer was cut in the middle | may help |
//! | `DNS-error`, `connection-refused`, `connection-timeout`, `connection-terminated`, `destination-unavailable`, `TLS-protocol-error`, `HTTP-protocol-error` | the network, a proxy or the service fails | may help |
//! | `internal-error` with words | the words say it: a flood, an echoed secret | does not help |

mod cause;

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

use self::cause::classify_cause;
use super::network_fault::NetworkFault;
use super::token_response::TokenError;
use crate::contract::FailureKind;
use crate::egress::Denied;
use crate::printable::printable_within;

/// Bytes of a cause in a message.
const CAUSE: usize = 300;

/// Why a try failed.
#[derive(Debug)]
pub(super) enum SendError {
    /// It may not leave.
    Denied(Denied),
    /// There was no connection in time.
    ConnectTimeout,
    /// There was no answer in time.
    AnswerTimeout,
    /// The client's.
    Client(legacy::Error),
    /// The body of the request.
    Body(Error),
    /// There is no token to sign it with.
    Token(TokenError),
}

impl From<TokenError> for SendError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

/// A code for the guest, and what a person has to know.
#[derive(Debug)]
pub(super) struct Classified {
    pub(super) code: Error,
    pub(super) fault: Option<NetworkFault>,
}

impl Classified {
    fn new(code: Error, message: impl Into<String>) -> Self {
        let fault = NetworkFault {
            message: message.into(),
            kind: None,
            retry_at: None,
        };
        Self {
            code,
            fault: Some(fault),
        }
    }

    /// No request succeeds until a person acts, and the host knows better than the guest who that is.
    fn final_fault(kind: FailureKind, message: String) -> Self {
        let fault = NetworkFault {
            message,
            kind: Some(kind),
            retry_at: None,
        };
        Self {
            code: Error::ConfigurationError,
            fault: Some(fault),
        }
    }

    /// Without a token no request was sent. What the guest makes of the code is of the connection to the service, with
    /// which nothing is wrong.
    fn no_token(error: TokenError) -> Self {
        if !error.is_transient() {
            return Self::final_fault(error.kind, error.message);
        }
        let code = if error.answered {
            Error::ConnectionTerminated
        } else {
            Error::DestinationUnavailable
        };
        let fault = NetworkFault {
            message: error.message,
            kind: Some(error.kind),
            retry_at: error.retry_at,
        };
        Self {
            code,
            fault: Some(fault),
        }
    }

    /// Of a service that has answered before: its address is right, so that a port without TLS is something in between
    /// that may pass.
    pub(super) fn into_transient(mut self) -> Self {
        if let Some(fault) = &mut self.fault
            && fault.kind == Some(FailureKind::InvalidConfig)
        {
            fault.kind = None;
            self.code = Error::TlsProtocolError;
        }
        self
    }

    fn code(code: Error) -> Self {
        Self { code, fault: None }
    }
}

/// The code of an error, and what a person has to know of it; `host` is the service's name and port, and `proxy` what
/// stands before it.
pub(super) fn classify(error: SendError, host: &str, proxy: Option<&str>) -> Classified {
    match error {
        SendError::Denied(denied) => denied_code(&denied),
        SendError::ConnectTimeout => Classified::new(
            Error::ConnectionTimeout,
            match proxy {
                Some(proxy) => format!(
                    "on the way to {host}: the proxy {proxy} opens no tunnel in time, or nobody answers at its end"
                ),
                None => format!("{host} does not accept a connection in time"),
            },
        ),
        SendError::AnswerTimeout => Classified::new(
            Error::ConnectionReadTimeout,
            format!("{host} does not answer in time"),
        ),
        SendError::Body(error) => Classified::code(error),
        SendError::Token(error) => Classified::no_token(error),
        SendError::Client(error) => classify_client(&error, host),
    }
}

fn classify_client(error: &legacy::Error, host: &str) -> Classified {
    if let Some(found) = causes(error).find_map(|cause| classify_cause(cause, host)) {
        return found;
    }
    let root = causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    let root = printable_within(&root, CAUSE);
    if error.is_connect() {
        let words = format!("{host} cannot be reached: {root}");
        Classified::new(Error::DestinationUnavailable, words)
    } else {
        let words = format!("{host} broke off before it answered: {root}");
        Classified::new(Error::ConnectionTerminated, words)
    }
}

fn denied_code(denied: &Denied) -> Classified {
    let code = match denied {
        Denied::Address(_) => Error::DestinationIpProhibited,
        _ => Error::HttpRequestDenied,
    };
    Classified::new(code, denied.to_string())
}

/// An error and what it was caused by.
pub(super) fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// What an error of the connection wraps: once, or twice as hyper-rustls does.
pub(super) fn inner<E: StdError + 'static>(error: &io::Error) -> Option<&E> {
    let wrapped = error.get_ref()?;
    wrapped
        .downcast_ref()
        .or_else(|| inner(wrapped.downcast_ref()?))
}
