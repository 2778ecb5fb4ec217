//! Why an answer cannot be received, or not to its end.

use std::io;

use wasmtime_wasi_http::Error;

use super::network_error::{causes, inner};
use super::network_fault::NetworkFault;
use super::unanswered::Flood;

/// What a person has to know of an answer that cannot be received.
pub(super) fn answer_fault(error: &Error) -> Option<NetworkFault> {
    let Error::HttpResponseContentCoding(Some(coding)) = error else {
        return None;
    };
    let message = format!(
        "the service, or something in front of it, answers in a coding that was not asked for: {coding}"
    );
    Some(NetworkFault {
        message,
        kind: None,
        retry_at: None,
    })
}

/// The code for a body that ends too early, or for what else is wrong with it.
pub(super) fn body_error(error: &hyper::Error) -> Error {
    let flooded = causes(error).any(|cause| {
        let error = cause.downcast_ref::<io::Error>();
        error.and_then(inner::<Flood>).is_some()
    });
    if flooded {
        Error::InternalError(Some(Flood.to_string()))
    } else {
        tracing::debug!("the body of an answer broke off: {error:?}");
        Error::HttpResponseIncomplete
    }
}
