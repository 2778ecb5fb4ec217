//! Connections of HTTP/2 that count the heads which a server sends.
//!
//! A head is small on the wire and large in memory: a byte of HPACK stands for a whole field. Interim answers (103) are
//! heads without end, and h2 keeps them until the task that waits for the answer runs. So they are counted where TLS ends,
//! before they are decoded.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

use super::connector::Connector;
use super::counted_stream::{ConnectionState, CountedStream};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections that count heads where HTTP/2 was negotiated.
#[derive(Clone)]
pub(super) struct HeadCountingConnector(pub(super) HttpsConnector<Connector>);

impl Service<Uri> for HeadCountingConnector {
    type Response = TokioIo<CountedHeads>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { Ok(TokioIo::new(CountedHeads::new(connecting.await?))) })
    }
}

/// A connection, after TLS.
pub(super) struct CountedHeads {
    stream: TokioIo<MaybeHttpsStream<TokioIo<CountedStream>>>,
    /// Of HTTP/2 alone.
    counted: Option<(ConnectionState, Frames)>,
}

impl CountedHeads {
    fn new(stream: MaybeHttpsStream<TokioIo<CountedStream>>) -> Self {
        let connected = stream.connected();
        let state = ConnectionState::of(&connected).filter(|_| connected.is_negotiated_h2());
        Self {
            stream: TokioIo::new(stream),
            counted: state.map(|state| (state, Frames::default())),
        }
    }
}

impl Connection for CountedHeads {
    fn connected(&self) -> Connected {
        self.stream.inner().connected()
    }
}

impl AsyncRead for CountedHeads {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if let Some((state, frames)) = &mut self.counted {
            let heads = frames.count_heads(buffer.filled().get(before..).unwrap_or_default());
            state
                .unanswered()
                .heads_read(heads)
                .map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CountedHeads {
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
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Bytes before the payload of a frame (RFC 9113, 4.1): three of its length, one of its type, five more.
const FRAME_HEAD: usize = 9;
/// The type of the frames that begin a head, or trailers.
const HEADERS: u8 = 1;

/// Where in the frames of a connection a reader is.
#[derive(Default)]
struct Frames {
    /// The beginning of the next frame, as far as it was read.
    head: Vec<u8>,
    /// Bytes of the payload that are still to come.
    payload: usize,
}

impl Frames {
    /// Reads on, and counts the heads that begin there.
    fn count_heads(&mut self, mut bytes: &[u8]) -> u64 {
        let mut heads = 0;
        while !bytes.is_empty() {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let (begin, rest) = bytes.split_at((FRAME_HEAD - self.head.len()).min(bytes.len()));
            self.head.extend_from_slice(begin);
            bytes = rest;
            if let [high, middle, low, kind, _, _, _, _, _] = self.head[..] {
                self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
                heads += u64::from(kind == HEADERS);
                self.head.clear();
            }
        }
        heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_in_whatever_pieces_they_come() {
        let frame = |kind: u8, payload: &[u8]| {
            let length = u8::try_from(payload.len()).unwrap_or_default();
            [&[0, 0, length, kind, 4, 0, 0, 0, 1], payload].concat()
        };
        let frames = [
            frame(4, &[]),
            frame(1, &[1; 9]),
            frame(0, &[1; 200]),
            frame(1, &[]),
        ]
        .concat();
        for size in 1..=frames.len() {
            let mut reader = Frames::default();
            let heads = frames.chunks(size).map(|piece| reader.count_heads(piece));
            assert_eq!(heads.sum::<u64>(), 2, "pieces of {size}");
        }
    }
}
