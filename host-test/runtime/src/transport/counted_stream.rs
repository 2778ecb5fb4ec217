//! Connections that count what they read, and that yield.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::unanswered::Unanswered;

/// Reads in a row after which another task may run.
const TURN: u32 = 4;

/// What is known of one connection. hyper hands it back with every answer.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionState(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    used: AtomicBool,
    unanswered: Unanswered,
}

/// Which connection a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionUse {
    /// Its first request.
    New,
    /// One that was kept.
    Reused,
}

impl ConnectionState {
    /// The state of a connection of this client.
    pub(super) fn of(connection: &Connected) -> Option<Self> {
        let mut extensions = Extensions::new();
        connection.get_extras(&mut extensions);
        extensions.remove()
    }

    /// To be called once for each request.
    pub(super) fn record_use(&self) -> ConnectionUse {
        if self.0.used.swap(true, Ordering::Relaxed) {
            ConnectionUse::Reused
        } else {
            ConnectionUse::New
        }
    }

    pub(super) fn unanswered(&self) -> &Unanswered {
        &self.0.unanswered
    }
}

/// A TCP connection that counts what it reads.
pub(super) struct CountedStream {
    stream: TcpStream,
    state: ConnectionState,
    /// In a row, without having to wait.
    reads: u32,
}

impl CountedStream {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            state: ConnectionState::default(),
            reads: 0,
        }
    }
}

impl Connection for CountedStream {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.state.clone())
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads >= TURN {
            self.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.reads = 0;
            return Poll::Pending;
        }
        self.reads += 1;
        let bytes = buffer.filled().len().saturating_sub(before);
        match self.state.unanswered().read(bytes) {
            Ok(()) => read,
            Err(flood) => Poll::Ready(Err(io::Error::other(flood))),
        }
    }
}

impl AsyncWrite for CountedStream {
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
