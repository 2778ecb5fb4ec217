//! How answers leave: whole, endless, dripping, or cut off by a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::Response;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::reply::{Reply, Transmission};

/// The time between two bytes that drip.
const DRIP_INTERVAL: Duration = Duration::from_millis(200);
/// The time that the first half of a body has to arrive before the connection is reset.
const RESET_DELAY: Duration = Duration::from_millis(50);
/// The blanks of a huge body, sent again and again.
static BLANKS: [u8; 65_536] = [b' '; 65_536];

/// A body on its way out.
pub(super) type ResponseBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// Says that a connection is to end by a reset.
#[derive(Clone, Debug, Default)]
pub(super) struct ResetSignal(Arc<AtomicBool>);

impl ResetSignal {
    fn order(&self) -> io::Error {
        self.0.store(true, Ordering::Release);
        io::Error::from(io::ErrorKind::ConnectionReset)
    }

    fn is_ordered(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection that can be reset instead of closed.
pub(super) struct Resettable {
    stream: TcpStream,
    reset: ResetSignal,
}

impl Resettable {
    pub(super) fn new(stream: TcpStream, reset: ResetSignal) -> Self {
        Self { stream, reset }
    }
}

impl Drop for Resettable {
    /// With no time to linger, closing discards what was not sent and resets the connection.
    fn drop(&mut self) {
        if self.reset.is_ordered() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.is_ordered() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Sends an answer the way it is to be sent; an error resets the connection.
pub(super) async fn deliver(
    reply: Reply,
    reset: ResetSignal,
) -> io::Result<Response<ResponseBody>> {
    let body = match reply.transmission {
        Transmission::Whole => Either::Left(Full::new(reply.body)),
        Transmission::Huge(size) => streamed(huge(reply.body, size)),
        Transmission::Drip => streamed(drip(reply.body)),
        Transmission::Stall => streamed(stream::pending()),
        Transmission::Hang => std::future::pending::<ResponseBody>().await,
        Transmission::ResetBefore => return Err(reset.order()),
        Transmission::ResetWithin => streamed(cut(&reply.body, reset)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
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

/// Half of the body, and then a reset.
fn cut(body: &Bytes, reset: ResetSignal) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let half = body.slice(..body.len() / 2);
    let end = async move {
        tokio::time::sleep(RESET_DELAY).await;
        Err(reset.order())
    };
    stream::iter([Ok(half)]).chain(stream::once(end))
}

/// Reads a request's body; what cannot be read is empty.
pub(super) async fn read(body: hyper::body::Incoming) -> Bytes {
    body.collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default()
}
