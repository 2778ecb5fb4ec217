//! What one call may send: the hooks of its store, which hold its requests to its limits.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks,
};

use crate::connection::TenantConnection;
use crate::limits::{Exceeded, Limits};
use crate::request_permits::RequestPermit;
use crate::tenant::Tenant;
use crate::transport::{ECHOED, Flood, LONGEST_TIMEOUT, UNANSWERED_LIMIT};

/// How long each part of an answer is waited for where the guest doesn't say.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes of an answer that is waited for as a whole: the guest then wakes up once for it, not twice.
const BUFFER_THRESHOLD: u64 = 64 << 10;

/// What one call may send, and what it sent: the hooks of its store.
#[derive(Debug)]
pub(crate) struct Outgoing {
    connection: TenantConnection,
    limits: Limits,
    slots: Arc<Semaphore>,
    metrics: Arc<CallMetrics>,
}

/// What a call has sent.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    tenant: Tenant,
    pub(crate) requests: AtomicU64,
    /// When the first request was handed over.
    pub(crate) first: OnceLock<Instant>,
    /// The first limit that a request exceeded. The guest reads it as an error of that request and goes on.
    pub(crate) exceeded: OnceLock<Exceeded>,
}

impl CallMetrics {
    fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            requests: AtomicU64::new(0),
            first: OnceLock::new(),
            exceeded: OnceLock::new(),
        }
    }

    fn record(&self, exceeded: Exceeded) {
        if self.exceeded.set(exceeded).is_ok() && self.tenant.may_log() {
            tracing::warn!("a request exceeded a limit: {exceeded}");
        }
    }

    /// Records the limit behind an error of a request, if there is one.
    fn observe(&self, error: &Error) {
        match error {
            Error::HttpRequestDenied | Error::DestinationIpProhibited => {
                self.record(Exceeded::Egress);
            }
            Error::InternalError(Some(words)) if words == ECHOED => {
                self.record(Exceeded::SecretEchoed);
            }
            Error::InternalError(Some(words)) if *words == Flood.to_string() => {
                self.record(Exceeded::Unanswered(UNANSWERED_LIMIT));
            }
            _ => {}
        }
    }
}

impl Outgoing {
    pub(crate) fn new(connection: &TenantConnection, limits: Limits) -> Self {
        Self {
            connection: connection.clone(),
            limits,
            slots: Arc::new(Semaphore::new(limits.in_flight)),
            metrics: Arc::new(CallMetrics::new(connection.tenant().clone())),
        }
    }

    pub(crate) fn metrics(&self) -> Arc<CallMetrics> {
        Arc::clone(&self.metrics)
    }
}

type Answer = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// Headers that are the host's to set. A constant would be made anew for each header that is compared with it.
static FORBIDDEN: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;

/// Headers by which a server may be told another method, path or host than the request has, which the operator approved.
const OVERRIDES: [&str; 9] = [
    "forwarded",
    "x-forwarded-host",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];

fn is_forbidden(name: &HeaderName) -> bool {
    FORBIDDEN.contains(name) || OVERRIDES.contains(&name.as_str())
}

impl WasiHttpHooks for Outgoing {
    /// A guest that waits until its body is taken does not read another answer meanwhile, whose end the request may have to
    /// wait for: 64 KiB are taken before, even in the parts of 4 KiB of WASI's blocking writes.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        16
    }

    /// The most that a chunk holds, so that 17 of them stay at a megabyte.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        64 << 10
    }

    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        self.metrics.requests.fetch_add(1, Ordering::Relaxed);
        self.connection.count_request();
        self.metrics.first.get_or_init(Instant::now);
        let permit = Arc::clone(&self.slots).try_acquire_owned();
        let options = options.unwrap_or_default();
        let (connection, limits) = (self.connection.clone(), self.limits);
        let metrics = Arc::clone(&self.metrics);
        // A block: an async function would hold what it is given twice.
        Box::new(async move {
            let permit = permit.map_err(|_| {
                metrics.record(Exceeded::InFlight(limits.in_flight));
                Error::ConnectionLimitReached
            })?;
            let request = if request.body().is_end_stream() {
                request
            } else {
                let limit = Exceeded::Request(limits.request);
                request.map(|body| limited(body, limit, Arc::clone(&metrics)))
            };
            let mut permitted = connection.permit_request().await;
            let answer = connection.transport().send(request, &options).await;
            let response = answer.inspect_err(|error| metrics.observe(error))?;
            let between = options.between_bytes_timeout.unwrap_or(IDLE_TIMEOUT);
            let between = between.min(LONGEST_TIMEOUT);
            let (head, body) = response.into_parts();
            let longest = body.size_hint().upper();
            let body = if longest.is_some_and(|size| size <= BUFFER_THRESHOLD.min(limits.response))
            {
                let whole = buffer(body, between).await;
                // Nothing of it is in flight any more, whenever the guest reads it.
                permitted = None;
                whole.inspect_err(|error| metrics.observe(error))?
            } else {
                limited(body, Exceeded::Response(limits.response), metrics)
            };
            let body = IdleTimeoutBody {
                body,
                timer: None,
                between,
                _permits: (permit, permitted),
            };
            let done = Box::new(async { Ok(()) });
            Ok((
                Response::from_parts(head, body.boxed_unsync()),
                done as Box<dyn Future<Output = _> + Send>,
            ))
        })
    }
}

/// Waits for a small body to its end.
async fn buffer(body: WasiBody, between: Duration) -> Result<WasiBody, Error> {
    let collected = tokio::time::timeout(between, body.collect()).await;
    let collected = collected.map_err(|_| Error::ConnectionReadTimeout)??;
    let body = Full::new(collected.to_bytes()).map_err(|never| match never {});
    Ok(body.boxed_unsync())
}

/// A body that ends in an error where it grows beyond its limit.
fn limited(body: WasiBody, limit: Exceeded, metrics: Arc<CallMetrics>) -> WasiBody {
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
struct IdleTimeoutBody {
    body: WasiBody,
    /// While bytes are waited for: those of an answer that is there as a whole never are.
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    between: Duration,
    _permits: (OwnedSemaphorePermit, Option<RequestPermit>),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_replaces_what_was_approved_of_a_request() {
        for name in OVERRIDES {
            assert!(is_forbidden(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "accept",
            "authorization",
            "content-type",
            "x-atlassian-token",
        ] {
            assert!(!is_forbidden(&HeaderName::from_static(name)), "{name}");
        }
    }
}
