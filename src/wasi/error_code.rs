//! What the error codes of `wasi:http` mean.

use super::bindings::wasi::http::types::ErrorCode;
use crate::client::TransportError;

/// Why there is no response, in the words of the code alone: the host's log knows more.
pub(super) fn failed(code: &ErrorCode) -> TransportError {
    let network = |message: &str| TransportError::Network(message.to_owned());
    let unreachable = |message: &str| TransportError::Unreachable(message.to_owned());
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            TransportError::Denied(
                "its address or path is not one that this connection may reach".into(),
            )
        }
        ErrorCode::HttpResponseBodySize(_) => TransportError::TooLarge,
        ErrorCode::HttpResponseHeaderSectionSize(_) => {
            TransportError::Unreadable("it has too many header fields".into())
        }
        ErrorCode::ConnectionTimeout => unreachable("it takes too long"),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            network("the server sends nothing")
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => {
            unreachable("the name of the host cannot be resolved")
        }
        ErrorCode::ConnectionRefused => unreachable("the server refuses it"),
        ErrorCode::HttpProtocolError => unreachable("the server speaks another protocol"),
        ErrorCode::DestinationUnavailable => unreachable("something on the way fails"),
        ErrorCode::ConfigurationError => TransportError::Denied(
            "its network settings, such as those of a proxy, have to be changed".into(),
        ),
        ErrorCode::HttpResponseContentCoding(_) => {
            TransportError::Unreadable("it is compressed in a way that was not requested".into())
        }
        ErrorCode::TlsCertificateError => TransportError::Certificate(
            "the host does not trust it; its log names the fault".into(),
        ),
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            unreachable("TLS could not be agreed on")
        }
        ErrorCode::InternalError(Some(message)) => network(message),
        _ => network("it broke off"),
    }
}
