//! The body of an answer as it comes from the connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

use super::answer_error::body_error;
use super::counted_stream::ConnectionState;

/// Counts what was read as answered, and does not take a cut for an end.
///
/// One cut cannot be told from an end: that of an HTTP/1 body without length and without chunks, which lasts until
/// the server closes the connection. Only TLS says whether the server meant to close it.
pub(super) struct AnswerBody {
    body: Incoming,
    version: Version,
    connection: Option<ConnectionState>,
}

impl AnswerBody {
    pub(super) fn new(
        body: Incoming,
        version: Version,
        connection: Option<ConnectionState>,
    ) -> Self {
        Self {
            body,
            version,
            connection,
        }
    }

    /// hyper hands over a body that ended by `RST_STREAM(NO_ERROR)` as whole: only a stream whose end was
    /// flagged is.
    fn is_cut(&self) -> bool {
        self.version == Version::HTTP_2 && !self.body.is_end_stream()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match frame {
            None if self.is_cut() => Some(Err(Error::HttpResponseIncomplete)),
            None => None,
            Some(Err(error)) => Some(Err(body_error(&error))),
            Some(Ok(frame)) => {
                if let (Some(connection), Some(data)) = (&self.connection, frame.data_ref()) {
                    connection.unanswered().body_came(data.len());
                }
                Some(Ok(frame))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
