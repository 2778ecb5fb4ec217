//! Why a request failed: a code for the guest, and words for a person.

use std::error::Error as StdError;
use std::io;
use std::sync::{Mutex, PoisonError};

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

use super::resolver::LookupError;
use super::unanswered::Flood;
use crate::egress::Denied;
use crate::origin::Origin;
use crate::printable::printable_within;

/// Why a try failed.
#[derive(Debug)]
pub(super) enum SendError {
    /// It may not leave.
    Denied(Denied),
    /// It was given up.
    Timeout(fn() -> Error),
    /// The client's.
    Client(legacy::Error),
}

impl SendError {
    /// Whether the connection broke before an answer.
    pub(super) fn is_broken(&self) -> bool {
        let Self::Client(error) = self else {
            return false;
        };
        if error.is_connect() {
            return false;
        }
        causes(error).any(|cause| {
            let hyper = cause.downcast_ref::<hyper::Error>();
            let io = cause.downcast_ref::<io::Error>();
            hyper.is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
                || io.is_some_and(|error| is_reset(error.kind()))
        })
    }
}

fn is_reset(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
    )
}

/// What is wrong between this host and the service, the last of it.
#[derive(Debug, Default)]
pub(super) struct NetworkFault(Mutex<Option<String>>);

impl NetworkFault {
    pub(super) fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn set(&self, fault: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    /// A request that a connector does not declare is its authors' matter, an address the operator's.
    pub(super) fn set_denied(&self, denied: &Denied) {
        self.set(denied.to_string());
    }
}

pub(super) fn denied_code(denied: &Denied) -> Error {
    match denied {
        Denied::Address(_) => Error::DestinationIpProhibited,
        _ => Error::HttpRequestDenied,
    }
}

/// The code of an error, and what a person has to know.
pub(super) fn classify(error: &legacy::Error, origin: Option<&Origin>) -> (Error, Option<String>) {
    let host = origin.map(Origin::authority).unwrap_or_default();
    for cause in causes(error) {
        if let Some(found) = classify_cause(cause, &host) {
            return found;
        }
    }
    let code = if error.is_connect() {
        Error::DestinationUnavailable
    } else {
        Error::ConnectionTerminated
    };
    (code, None)
}

fn classify_cause(cause: &(dyn StdError + 'static), host: &str) -> Option<(Error, Option<String>)> {
    if let Some(denied) = cause.downcast_ref::<Denied>() {
        return Some((denied_code(denied), Some(denied.to_string())));
    }
    if let Some(Error::HttpRequestBodySize(limit)) = cause.downcast_ref() {
        return Some((Error::HttpRequestBodySize(*limit), None));
    }
    if let Some(lookup) = cause.downcast_ref::<LookupError>() {
        let code = Error::DnsError {
            rcode: Some("name not known".to_owned()),
            info_code: None,
        };
        return Some((code, Some(lookup.to_string())));
    }
    if cause.downcast_ref::<Flood>().is_some() {
        return Some(flood(host));
    }
    classify_io(cause.downcast_ref::<io::Error>()?, host)
}

fn classify_io(error: &io::Error, host: &str) -> Option<(Error, Option<String>)> {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            let fault = printable_within(&fault.to_string(), 300);
            let words = format!(
                "the certificate of {host} is not accepted: {fault}; if an authority of your own signed it, \
                 name its certificate with SSL_CERT_FILE"
            );
            return Some((Error::TlsCertificateError, Some(words)));
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            let words = format!("{host} does not speak TLS on this port");
            return Some((Error::TlsProtocolError, Some(words)));
        }
        Some(other) => {
            let words = format!(
                "TLS with {host} failed: {}",
                printable_within(&other.to_string(), 300)
            );
            return Some((Error::TlsProtocolError, Some(words)));
        }
        None => {}
    }
    if let Some(inner) = error.get_ref()
        && inner.downcast_ref::<Flood>().is_some()
    {
        return Some(flood(host));
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            let words = format!("{host} refuses connections");
            Some((Error::ConnectionRefused, Some(words)))
        }
        io::ErrorKind::TimedOut => Some((Error::ConnectionTimeout, None)),
        _ => None,
    }
}

fn flood(host: &str) -> (Error, Option<String>) {
    let code = Error::InternalError(Some(Flood.to_string()));
    (code, Some(format!("{host}: {Flood}")))
}

fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// What TLS says, where an error of the connection wraps it: once, or twice as hyper-rustls does.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    let wrapped = || tls_error(inner.downcast_ref()?);
    inner.downcast_ref().or_else(wrapped)
}
