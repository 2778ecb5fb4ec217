//! The bodies of a guest's requests and of their answers: of a bounded size, and each part of them in time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

use super::CallMetrics;
use crate::limits::Exceeded;
use crate::request_permits::RequestPermit;
use crate::tenant::Tenant;

/// Waits for a small body to its end.
pub(super) async fn buffer(body: WasiBody, between: Duration) -> Result<WasiBody, Error> {
    let collected = tokio::time::timeout(between, body.collect()).await;
    let collected = collected.map_err(|_| Error::ConnectionReadTimeout)??;
    let body = Full::new(collected.to_bytes()).map_err(|never| match never {});
    Ok(body.boxed_unsync())
}

/// A body that ends in an error where it grows beyond its limit.
pub(super) fn limited(body: WasiBody, limit: Exceeded, metrics: Arc<CallMetrics>) -> WasiBody {
    let (bytes, code): (u64, fn(Option<u64>) -> Error) = match limit {
        Exceeded::Request(bytes) => (bytes, Error::HttpRequestBodySize),
        Exceeded::Response(bytes) => (bytes, Error::HttpResponseBodySize),
        _ => return body,
    };
    Limited::new(body, usize::try_from(bytes).unwrap_or(usize::MAX))
        .map_err(move |error| {
            let exceeded = |_| {
                metrics.record(limit);
                code(Some(bytes))
            };
            error
                .downcast::<Error>()
                .inspect(|error| metrics.observe(error))
                .map_or_else(exceeded, |error| *error)
        })
        .boxed_unsync()
}

/// A body whose next bytes must come in time; its place among those in flight is given back at its end.
pub(super) struct IdleTimeoutBody {
    body: WasiBody,
    /// While bytes are waited for: those of an answer that is there as a whole never are.
    timer: Option<Pin<Box<Sleep>>>,
    between: Duration,
    tenant: Tenant,
    _permits: Permits,
}

/// What a body that fails adds to the debt of its tenant, in bytes as the pacer counts them.
const FAILED: u64 = 64 << 10;

/// A place among the requests of its call, and one among those that the operator permits.
type Permits = (OwnedSemaphorePermit, Option<RequestPermit>);

impl IdleTimeoutBody {
    pub(super) fn new(body: WasiBody, between: Duration, tenant: Tenant, permits: Permits) -> Self {
        Self {
            body,
            timer: None,
            between,
            tenant,
            _permits: permits,
        }
    }
}

impl Body for IdleTimeoutBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.timer = None;
            if let Some(Err(_)) = frame {
                self.tenant.pacer().owe(FAILED);
            }
            return Poll::Ready(frame);
        }
        let between = self.between;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(between)));
        let waited = timer.as_mut().poll(context);
        waited.map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
