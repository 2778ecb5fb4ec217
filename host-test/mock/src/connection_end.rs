//! A connection that can end in ways that HTTP does not want: by a reset, or with bytes of the mock's own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How a connection is to end.
#[derive(Debug, Default)]
pub(super) enum Ending {
    /// As HTTP wants it.
    #[default]
    Orderly,
    /// By a reset.
    Reset,
    /// With these bytes, behind which it is closed.
    LastBytes(Vec<u8>),
}

/// Tells a connection how it is to end.
#[derive(Clone, Debug, Default)]
pub(super) struct EndSignal(Arc<Mutex<Ending>>);

impl EndSignal {
    /// Says how the connection is to end; returns the error that makes hyper give it up.
    pub(super) fn set(&self, ending: Ending) -> io::Error {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ending;
        io::Error::from(io::ErrorKind::ConnectionReset)
    }

    fn is_orderly(&self) -> bool {
        let ending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*ending, Ending::Orderly)
    }

    fn take(&self) -> Ending {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection that can be reset, or end with bytes that are no HTTP message of hyper's.
pub(super) struct Resettable {
    stream: TcpStream,
    signal: EndSignal,
}

impl Resettable {
    pub(super) fn new(stream: TcpStream, signal: EndSignal) -> Self {
        Self { stream, signal }
    }
}

impl Drop for Resettable {
    /// With no time to linger, closing discards what was not sent and resets the connection.
    fn drop(&mut self) {
        match self.signal.take() {
            Ending::Orderly => {}
            Ending::Reset => {
                let _ = self.stream.set_zero_linger();
            }
            Ending::LastBytes(bytes) => {
                let mut rest = bytes.as_slice();
                while let Ok(written) = self.stream.try_write(rest) {
                    rest = rest.get(written..).unwrap_or_default();
                    if rest.is_empty() {
                        break;
                    }
                }
            }
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
        if !self.signal.is_orderly() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
