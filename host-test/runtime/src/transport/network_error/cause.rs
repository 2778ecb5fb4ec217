//! What one cause of a client's error means.

use std::error::Error as StdError;
use std::io;

use wasmtime_wasi_http::Error;

use super::{CAUSE, Classified, denied_code, inner};
use crate::contract::FailureKind;
use crate::egress::Denied;
use crate::printable::printable_within;
use crate::transport::certificate_fault::certificate_fault;
use crate::transport::proxy::ProxyError;
use crate::transport::resolver::LookupError;
use crate::transport::unanswered::Flood;

/// The meaning of this cause, if it has one of its own.
pub(super) fn classify_cause(cause: &(dyn StdError + 'static), host: &str) -> Option<Classified> {
    if let Some(denied) = cause.downcast_ref::<Denied>() {
        return Some(denied_code(denied));
    }
    if let Some(Error::HttpRequestBodySize(limit)) = cause.downcast_ref() {
        return Some(Classified::code(Error::HttpRequestBodySize(*limit)));
    }
    if let Some(lookup) = cause.downcast_ref::<LookupError>() {
        let code = Error::DnsError {
            rcode: Some("name not known".to_owned()),
            info_code: None,
        };
        return Some(Classified::new(code, lookup.to_string()));
    }
    if let Some(proxy) = cause.downcast_ref::<ProxyError>() {
        let code = match proxy {
            ProxyError::Scheme(_)
            | ProxyError::Credentials(_)
            | ProxyError::WrongCredentials(_)
            | ProxyError::Malformed(_) => Error::ConfigurationError,
            ProxyError::Refused { .. }
            | ProxyError::Unreachable { .. }
            | ProxyError::Broken { .. } => Error::DestinationUnavailable,
        };
        let words = format!("on the way to {host}: {proxy}");
        let words = printable_within(&words, CAUSE);
        return Some(Classified::new(code, words));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>()
        && error.is_parse_too_large()
    {
        let words = format!("{host} answers with more header fields than this host reads");
        return Some(Classified::new(
            Error::HttpResponseHeaderSectionSize(None),
            words,
        ));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>()
        && error.is_parse()
    {
        let words = format!("{host} does not answer in HTTP; check its address and port");
        return Some(Classified::new(Error::HttpProtocolError, words));
    }
    if cause.downcast_ref::<Flood>().is_some() {
        return Some(flood(host));
    }
    classify_io(cause.downcast_ref::<io::Error>()?, host)
}

fn classify_io(error: &io::Error, host: &str) -> Option<Classified> {
    if let Some(error) = inner::<rustls::Error>(error) {
        return Some(classify_tls(error, host));
    }
    if inner::<Flood>(error).is_some() {
        return Some(flood(host));
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            let words = format!("{host} refuses connections; check its address and port");
            Some(Classified::new(Error::ConnectionRefused, words))
        }
        io::ErrorKind::TimedOut => {
            let words = format!("{host} does not accept a connection in time");
            Some(Classified::new(Error::ConnectionTimeout, words))
        }
        _ => None,
    }
}

fn classify_tls(error: &rustls::Error, host: &str) -> Classified {
    match error {
        rustls::Error::InvalidCertificate(fault) => {
            let fault = printable_within(&certificate_fault(fault), CAUSE);
            let words = format!("the certificate of {host} is not accepted: {fault}");
            Classified::new(Error::TlsCertificateError, words)
        }
        rustls::Error::InvalidMessage(_) => {
            let words =
                format!("{host} does not speak TLS on this port; check its address and port");
            Classified::final_fault(FailureKind::InvalidConfig, words)
        }
        other => {
            let cause = printable_within(&other.to_string(), CAUSE);
            let words = format!("TLS with {host} failed: {cause}");
            Classified::new(Error::TlsProtocolError, words)
        }
    }
}

fn flood(host: &str) -> Classified {
    let code = Error::InternalError(Some(Flood.to_string()));
    Classified::new(code, format!("{host}: {Flood}"))
}
