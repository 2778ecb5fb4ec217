//! The body of an answer on its way to the guest.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

use super::secret_scan::{SecretScan, echoed};
use super::unanswered::Unanswered;

/// Pays for what was read, looks for secrets, and does not take a cut for an end.
pub(super) struct AnswerBody {
    body: Incoming,
    version: Version,
    unanswered: Arc<Unanswered>,
    scan: Option<SecretScan>,
}

impl AnswerBody {
    pub(super) fn new(
        body: Incoming,
        version: Version,
        unanswered: Arc<Unanswered>,
        scan: Option<SecretScan>,
    ) -> Self {
        Self {
            body,
            version,
            unanswered,
            scan,
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
        let frame = match frame {
            None if self.is_cut() => Some(Err(Error::HttpResponseIncomplete)),
            None => None,
            Some(Err(error)) => Some(Err(error.into())),
            Some(Ok(frame)) => {
                let data = frame.data_ref().cloned().unwrap_or_default();
                self.unanswered.body_came(data.len());
                let scan = self.scan.as_mut();
                if scan.is_some_and(|scan| scan.is_in_next(&data)) {
                    Some(Err(echoed()))
                } else {
                    Some(Ok(frame))
                }
            }
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
