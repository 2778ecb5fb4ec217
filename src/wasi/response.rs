//! Reads a response: the headers that are asked for, and the body within a deadline.

use std::cell::Cell;
use std::time::Duration;

use super::bindings::wasi::clocks::monotonic_clock::now;
use super::bindings::wasi::http::types::IncomingResponse;
use super::bindings::wasi::io::streams::{InputStream, StreamError};
use super::buffer::{Buffer, CHUNK};
use super::clock::nanoseconds;
use super::executor::wait_for;
use crate::client::{Headers, MAX_BODY, Request, Response, TransportError};

/// The headers to read from a response that reports a failure.
const ERROR_HEADERS: [&str; 10] = [
    "atl-traceid",
    "content-type",
    "date",
    "location",
    "retry-after",
    "x-authentication-denied-reason",
    "x-cache",
    "x-failure-category",
    "x-ratelimit-reset",
    "x-seraph-loginreason",
];

/// Reads a response to its end; `buffered` counts the bytes of all bodies that arrive.
pub(super) async fn receive(
    response: &IncomingResponse,
    request: &Request<'_>,
    buffered: &Cell<usize>,
) -> Result<Response, TransportError> {
    let status = response.status();
    let headers = headers(response, status, request);
    let declared = headers
        .get("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        return Err(TransportError::TooLarge);
    }
    let body = response
        .consume()
        .map_err(|()| TransportError::Network("no body".into()))?;
    let bytes = {
        let stream = body
            .stream()
            .map_err(|()| TransportError::Network("no body".into()))?;
        read(&stream, declared, request.timeout, buffered).await?
    };
    Ok(Response {
        status,
        headers,
        body: bytes,
    })
}

fn headers(response: &IncomingResponse, status: u16, request: &Request<'_>) -> Headers {
    let all = response.headers();
    let failed = if (200..300).contains(&status) {
        &[][..]
    } else {
        &ERROR_HEADERS
    };
    let asked = request.headers.iter().flatten();
    let mut lines = Vec::new();
    for &name in ["content-length"].iter().chain(asked).chain(failed) {
        let values = all.get(name).into_iter();
        // A line that is no UTF-8 may be the one that leads on.
        let texts = values.map(|value| String::from_utf8_lossy(&value).into_owned());
        lines.extend(texts.map(|value| (name.to_owned(), value)));
    }
    Headers(lines)
}

/// Reads a body to its end.
///
/// The host's timeout is for the gap between two chunks: a body that drips keeps within it for ever. So there is a
/// deadline for the whole of it, from the first time that it has to be waited for.
async fn read(
    stream: &InputStream,
    declared: Option<usize>,
    timeout: Duration,
    buffered: &Cell<usize>,
) -> Result<Vec<u8>, TransportError> {
    let mut buffer = Buffer::new(buffered);
    let mut deadline = None;
    loop {
        match stream.read(CHUNK as u64) {
            Ok(_) if deadline.is_some_and(|deadline| now() > deadline) => {
                return Err(TransportError::Timeout(timeout));
            }
            Ok(chunk) if chunk.is_empty() => {
                deadline.get_or_insert_with(|| now() + nanoseconds(timeout));
                wait_for(stream.subscribe()).await;
            }
            Ok(chunk) => {
                buffer.push(chunk)?;
                if declared == Some(buffer.length) {
                    return Ok(buffer.take());
                }
            }
            Err(StreamError::Closed) if declared.is_some_and(|length| length > buffer.length) => {
                return Err(TransportError::Network("the answer breaks off".into()));
            }
            Err(StreamError::Closed) => return Ok(buffer.take()),
            // Whatever the host says of it, another try is the answer.
            Err(StreamError::LastOperationFailed(_)) => {
                let why = "the answer breaks off, or comes to a halt";
                return Err(TransportError::Network(why.into()));
            }
        }
    }
}
