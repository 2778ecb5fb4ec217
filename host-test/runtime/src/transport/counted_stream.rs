//! Connections that count what they read, that yield, and that pause where a server sends nothing but work.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::unanswered::{ReadRate, Unanswered};
use crate::tenant::{Pacer, Pause};

/// Reads in a row after which another task may run.
const TURN_READS: usize = 4;
/// The same in bytes: some thousand frames of HTTP/2, which take a fraction of a millisecond.
const TURN_BYTES: usize = 16 << 10;

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
    pacer: Pacer,
    turn: Turn,
    pause: Option<Pause>,
}

/// What was read in a row, without having to wait.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    reads: usize,
    bytes: usize,
}

impl Turn {
    fn count(&mut self, bytes: usize) {
        self.reads += 1;
        self.bytes += bytes;
    }

    fn is_over(self) -> bool {
        self.reads >= TURN_READS || self.bytes >= TURN_BYTES
    }
}

impl CountedStream {
    /// A connection of a tenant that paces it.
    pub(super) fn new(stream: TcpStream, pacer: Pacer) -> Self {
        Self {
            stream,
            state: ConnectionState::default(),
            pacer,
            turn: Turn::default(),
            pause: None,
        }
    }
}

impl CountedStream {
    fn pause_after_turn(&mut self) {
        if self.turn.is_over() {
            self.turn = Turn::default();
            self.pause = Some(self.pacer.pause());
        }
    }
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.pacer.owe(self.state.unanswered().bytes());
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
        if let Some(pause) = &mut self.pause {
            ready!(Pin::new(pause).poll(context));
            self.pause = None;
        }
        if self.turn.is_over() {
            self.turn = Turn::default();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let mut piece = (&mut self.stream).take(TURN_BYTES as u64);
        let read = Pin::new(&mut piece).poll_read(context, buffer);
        if read.is_pending() {
            self.turn = Turn::default();
            return Poll::Pending;
        }
        let bytes = buffer.filled().len().saturating_sub(before);
        self.turn.count(bytes);
        match self.state.unanswered().read(bytes) {
            Ok(ReadRate::Full) if !self.pacer.is_in_debt() => read,
            Ok(_) => {
                self.pause_after_turn();
                read
            }
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
