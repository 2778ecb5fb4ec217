//! How answers leave: whole, endless, dripping, or cut off by a reset.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{Response, Version};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};

use super::connection_end::{EndSignal, Ending};
use super::reply::{EarlyEnd, Reply, Transmission};

/// The time between two bytes that drip.
const DRIP_INTERVAL: Duration = Duration::from_millis(200);
/// The time that the beginning of a body has to leave before the connection ends.
const CUT_DELAY: Duration = Duration::from_millis(20);
/// Bodies are sent in chunks of so many bytes; shorter ones with their length.
const CHUNK: usize = 8 * 1024;
/// The blanks of a huge body, sent again and again.
static BLANKS: [u8; 65_536] = [b' '; 65_536];

/// A body on its way out.
pub(super) type ResponseBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// Sends a response the way it is to be sent; an error ends the connection.
pub(super) async fn deliver(
    reply: Reply,
    version: Version,
    signal: EndSignal,
) -> io::Result<Response<ResponseBody>> {
    let mut reply = reply;
    let body = match reply.transmission {
        Transmission::Whole if reply.body.len() <= CHUNK => Either::Left(Full::new(reply.body)),
        Transmission::Whole => streamed(chunks(reply.body, CHUNK)),
        Transmission::Chunked(size) => {
            let size = usize::try_from(size).unwrap_or(CHUNK);
            streamed(chunks(reply.body, size))
        }
        Transmission::Unframed if version != Version::HTTP_11 => {
            streamed(chunks(reply.body, CHUNK))
        }
        Transmission::Unframed => return Err(signal.set(unframed(&reply, u64::MAX))),
        Transmission::Cut {
            bytes,
            end: EarlyEnd::Unframed,
        } if version == Version::HTTP_11 => return Err(signal.set(unframed(&reply, bytes))),
        Transmission::Cut { bytes, end } => {
            if end == EarlyEnd::ContentLength {
                reply
                    .headers
                    .insert(CONTENT_LENGTH, reply.body.len().into());
            }
            streamed(cut(&reply.body, bytes, move || early_end(end)))
        }
        Transmission::Huge(size) => streamed(huge(reply.body, size)),
        Transmission::Drip => streamed(drip(reply.body)),
        Transmission::Stall => streamed(stream::pending()),
        Transmission::Hang => std::future::pending::<ResponseBody>().await,
        Transmission::CloseBefore => return Err(io::ErrorKind::ConnectionAborted.into()),
        Transmission::ResetBefore => return Err(signal.set(Ending::Reset)),
        Transmission::ResetWithin => {
            let half = reply.body.len() as u64 / 2;
            streamed(cut(&reply.body, half, move || signal.set(Ending::Reset)))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

/// Carries `NO_ERROR` to hyper, which looks for it among an error's sources; an `io::Error` hides
/// what it holds and shows the source of that.
#[derive(Debug, thiserror::Error)]
#[error("the stream ends without an error")]
struct NoError(#[source] h2::Error);

/// The error that ends a body early. Over HTTP/2 hyper resets the stream with the reason inside.
fn early_end(end: EarlyEnd) -> io::Error {
    match end {
        EarlyEnd::StreamReset => io::Error::other(NoError(h2::Reason::NO_ERROR.into())),
        _ => io::ErrorKind::ConnectionAborted.into(),
    }
}

/// A response without a length, or its beginning; hyper always sends a length or chunks.
fn unframed(reply: &Reply, bytes: u64) -> Ending {
    let mut message = format!("HTTP/1.1 {}\r\n", reply.status).into_bytes();
    for (name, value) in &reply.headers {
        message.extend_from_slice(name.as_str().as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value.as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"connection: close\r\n\r\n");
    message.extend_from_slice(&beginning(&reply.body, bytes));
    Ending::LastBytes(message)
}

fn beginning(body: &Bytes, bytes: u64) -> Bytes {
    let end = usize::try_from(bytes).unwrap_or(usize::MAX);
    body.slice(..end.min(body.len()))
}

/// A body in chunks of a size.
fn chunks(body: Bytes, size: usize) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let size = size.max(1);
    stream::iter(
        (0..body.len())
            .step_by(size)
            .map(move |start| Ok(body.slice(start..body.len().min(start.saturating_add(size))))),
    )
}

fn streamed(parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> ResponseBody {
    Either::Right(StreamBody::new(parts.map(|part| part.map(Frame::data))).boxed_unsync())
}

/// The body, then blanks up to the size, which are still JSON.
fn huge(body: Bytes, size: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let blanks = size
        .saturating_sub(body.len() as u64)
        .div_ceil(BLANKS.len() as u64);
    let parts = std::iter::once(body).chain((0..blanks).map(|_| Bytes::from_static(&BLANKS)));
    stream::iter(parts.map(Ok))
}

/// The body byte by byte, then blanks for ever.
fn drip(body: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold((body, 0_usize), |(body, at)| async move {
        tokio::time::sleep(DRIP_INTERVAL).await;
        let byte = body.get(at).copied().unwrap_or(b' ');
        Some((Ok(Bytes::from(vec![byte])), (body, at + 1)))
    })
}

/// The beginning of the body, and then an error.
fn cut<F: FnOnce() -> io::Error + Send + 'static>(
    body: &Bytes,
    bytes: u64,
    error: F,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<F> {
    let sent = beginning(body, bytes);
    let end = async move {
        tokio::time::sleep(CUT_DELAY).await;
        Err(error())
    };
    let sent = (!sent.is_empty()).then_some(Ok(sent));
    stream::iter(sent).chain(stream::once(end))
}

/// Reads a request's body; what cannot be read is empty.
pub(super) async fn read(body: hyper::body::Incoming) -> Bytes {
    body.collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default()
}
