//! Requests that are sent once more at once, without the guest: where it is plain that nothing was answered because
//! of the connection, and not because of the request.

use std::io;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderValue, Request, request};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use wasmtime_wasi_http::{Error, WasiBody};

use super::counted_stream::ConnectionUse;
use super::network_error::{SendError, causes};
use super::pool::MAX_IDLE;

/// Bytes of a body that is kept to be sent again.
const MAX_BODY: u64 = 64 << 10;
/// How often a server may say that it did not process a request.
const MAX_UNPROCESSED: usize = 3;

/// A request that can be sent again: its body is short, or there is none.
///
/// That holds for POST too. A connector reads: what it posts are queries, and the operator approved the methods and
/// paths of its requests.
pub(super) struct Repeatable {
    head: request::Parts,
    body: Bytes,
}

/// A request on its way out.
pub(super) enum Outbound {
    Repeatable(Repeatable),
    /// None once it was sent.
    Once(Option<Request<WasiBody>>),
}

impl Outbound {
    /// Takes in the body of a request if it is short.
    pub(super) async fn new(request: Request<WasiBody>) -> Result<Self, Error> {
        let empty = request.body().is_end_stream();
        let declared = request.headers().get(CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if !empty && declared.is_none_or(|length| length > MAX_BODY) {
            return Ok(Self::Once(Some(request)));
        }
        let (head, body) = request.into_parts();
        let body = if empty {
            Bytes::new()
        } else {
            body.collect().await?.to_bytes()
        };
        Ok(Self::Repeatable(Repeatable { head, body }))
    }

    /// The request, as often as it can be sent.
    pub(super) fn next_request(&mut self) -> Option<Request<WasiBody>> {
        match self {
            Self::Repeatable(repeatable) => Some(repeatable.request()),
            Self::Once(request) => request.take(),
        }
    }

    pub(super) fn is_repeatable(&self) -> bool {
        matches!(self, Self::Repeatable(_))
    }

    /// Signs what is sent from now on.
    pub(super) fn sign(&mut self, header: &HeaderValue) {
        let headers = match self {
            Self::Repeatable(repeatable) => Some(&mut repeatable.head.headers),
            Self::Once(request) => request.as_mut().map(Request::headers_mut),
        };
        if let Some(headers) = headers {
            headers.insert(AUTHORIZATION, header.clone());
        }
    }
}

impl Repeatable {
    fn request(&self) -> Request<WasiBody> {
        let body = Full::new(self.body.clone()).map_err(|never| match never {});
        Request::from_parts(self.head.clone(), body.boxed_unsync())
    }
}

/// Why a request is sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The kept connection broke before a byte of the answer: the server had closed it.
    StaleConnection,
    /// The server says that it did not process the request: GOAWAY or `REFUSED_STREAM` of HTTP/2.
    Unprocessed,
    /// The server speaks HTTP/1.1 only to this request.
    Http1Required,
}

impl Repeat {
    /// How often it is worth it.
    pub(super) fn limit(self) -> usize {
        match self {
            // Every kept connection may be stale.
            Self::StaleConnection => MAX_IDLE,
            Self::Unprocessed => MAX_UNPROCESSED,
            Self::Http1Required => 1,
        }
    }

    /// Whether an error is one of these.
    pub(super) fn reason(error: &SendError, used: ConnectionUse) -> Option<Self> {
        let SendError::Client(error) = error else {
            return None;
        };
        if error.is_connect() {
            return None;
        }
        if let Some(error) = causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>()) {
            if error.reason() == Some(h2::Reason::HTTP_1_1_REQUIRED) {
                return Some(Self::Http1Required);
            }
            let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
            if error.is_remote() && (error.is_go_away() || refused) {
                return Some(Self::Unprocessed);
            }
        }
        let stale = used == ConnectionUse::Reused && is_broken(error);
        stale.then_some(Self::StaleConnection)
    }
}

/// Whether the connection broke.
fn is_broken(error: &legacy::Error) -> bool {
    causes(error).any(|cause| {
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            // A connection of HTTP/2 whose pings are not answered times out.
            return error.is_incomplete_message()
                || error.is_canceled()
                || error.is_closed()
                || error.is_timeout();
        }
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            return error.is_io();
        }
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| is_broken_io(error.kind()))
    })
}

fn is_broken_io(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
    )
}
