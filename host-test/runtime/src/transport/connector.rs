//! Connections that count what they read, and that yield.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Extensions, Uri};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::resolver::Resolver;
use super::unanswered::Unanswered;

/// Reads in a row after which another task may run.
const TURN: u32 = 4;

/// Opens TCP connections.
#[derive(Clone)]
pub(super) struct Connector {
    http: HttpConnector<Resolver>,
    unanswered: Arc<Unanswered>,
}

impl Connector {
    pub(super) fn new(resolver: Resolver, timeout: Duration, unanswered: Arc<Unanswered>) -> Self {
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(timeout));
        Self { http, unanswered }
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<CountedStream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.http.call(uri);
        let unanswered = Arc::clone(&self.unanswered);
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            Ok(TokioIo::new(CountedStream {
                stream,
                unanswered,
                reads: 0,
                used: Used::default(),
            }))
        })
    }
}

/// Whether a request was sent over a connection before.
#[derive(Debug, Clone, Default)]
struct Used(Arc<AtomicBool>);

/// Which connection a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionUse {
    /// Its first request.
    New,
    /// One that was kept.
    Reused,
}

impl ConnectionUse {
    /// To be called once for each request.
    pub(super) fn of(connection: &Connected) -> Self {
        let mut extensions = Extensions::new();
        connection.get_extras(&mut extensions);
        match extensions.get::<Used>() {
            Some(used) if used.0.swap(true, Ordering::Relaxed) => Self::Reused,
            _ => Self::New,
        }
    }
}

/// A TCP connection that counts what it reads.
pub(super) struct CountedStream {
    stream: TcpStream,
    unanswered: Arc<Unanswered>,
    /// In a row, without having to wait.
    reads: u32,
    used: Used,
}

impl Connection for CountedStream {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.used.clone())
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
        match self.unanswered.read(bytes) {
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
