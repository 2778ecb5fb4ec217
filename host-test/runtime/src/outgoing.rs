//! What one call may send: the hooks of its store, which hold its requests to its limits.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{HeaderName, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::connection::TenantConnection;
use crate::limits::{Exceeded, Limits};
use crate::tenant::Tenant;
use crate::transport::{ECHOED, Flood, LONGEST_TIMEOUT, UNANSWERED_LIMIT};

mod body;
mod forbidden_headers;
mod head;

use body::{IdleTimeoutBody, buffer, limited};
use forbidden_headers::is_forbidden;
use head::held;

/// How long each part of an answer is waited for where the guest doesn't say.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes of an answer that is waited for as a whole: the guest then wakes up once for it, not twice.
const BUFFER_THRESHOLD: u64 = 64 << 10;

/// Bodies that a guest may have begun and not sent before less is taken of each.
const UNSENT_BODIES: usize = 16;

/// What a request that the guest gave up adds to the debt of its tenant, in bytes as the pacer counts them.
const GIVEN_UP: u64 = 16 << 10;

/// What one call may send, and what it sent: the hooks of its store.
#[derive(Debug)]
pub(crate) struct Outgoing {
    connection: TenantConnection,
    limits: Limits,
    slots: Arc<Semaphore>,
    metrics: Arc<CallMetrics>,
    /// Bodies of requests that were not sent yet, and of those that never will be.
    unsent_bodies: usize,
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
            unsent_bodies: 0,
        }
    }

    pub(crate) fn metrics(&self) -> Arc<CallMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Waits until one more request may be made.
    ///
    /// # Errors
    ///
    /// Too many are in flight.
    pub(crate) fn admit(&self) -> impl Future<Output = Result<(), Exceeded>> + use<> {
        let pacer = self.connection.tenant().pacer().clone();
        let admitted = if self.slots.available_permits() > 0 {
            Ok(())
        } else {
            let exceeded = Exceeded::InFlight(self.limits.in_flight);
            self.metrics.record(exceeded);
            Err(exceeded)
        };
        async move {
            if admitted.is_err() || pacer.is_in_debt() {
                pacer.pause().await;
            }
            admitted
        }
    }
}

type Answer = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// A request that failed, told after a pause: it brought nothing but work, and a guest has no reason to hurry with the
/// next one.
async fn fail(error: Error, under_way: UnderWay, metrics: &CallMetrics) -> Answer {
    metrics.observe(&error);
    under_way.tenant.pacer().pause().await;
    under_way.end();
    Err(error)
}

/// A request that has no answer yet. One that the guest gives up, it owes for.
struct UnderWay {
    tenant: Tenant,
    has_ended: bool,
}

impl UnderWay {
    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.has_ended {
            self.tenant.pacer().owe(GIVEN_UP);
        }
    }
}

impl WasiHttpHooks for Outgoing {
    /// A guest that waits until its body is taken does not read another answer meanwhile, whose end the request may have to
    /// wait for: 64 KiB are taken before, even in the parts of 4 KiB of WASI's blocking writes. Of each of hundreds of
    /// bodies that a guest sends nowhere, a part is.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        self.unsent_bodies += 1;
        if self.unsent_bodies <= UNSENT_BODIES {
            16
        } else {
            1
        }
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        4 << 10
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
        let has_body = !request.body().is_end_stream();
        if has_body {
            self.unsent_bodies = self.unsent_bodies.saturating_sub(1);
        }
        let permit = Arc::clone(&self.slots).try_acquire_owned();
        let options = options.unwrap_or_default();
        let (connection, limits) = (self.connection.clone(), self.limits);
        let metrics = Arc::clone(&self.metrics);
        let under_way = UnderWay {
            tenant: connection.tenant().clone(),
            has_ended: false,
        };
        // A block: an async function would hold what it is given twice.
        Box::new(async move {
            let Ok(permit) = permit else {
                return fail(Error::ConnectionLimitReached, under_way, &metrics).await;
            };
            let request = if has_body {
                let limit = Exceeded::Request(limits.request);
                request.map(|body| limited(body, limit, Arc::clone(&metrics)))
            } else {
                request
            };
            let mut permitted = connection.permit_request().await;
            let answer = connection.transport().send(request, &options).await;
            let (head, body) = match answer.and_then(held) {
                Ok(response) => response.into_parts(),
                Err(error) => {
                    drop(permitted);
                    return fail(error, under_way, &metrics).await;
                }
            };
            let between = options.between_bytes_timeout.unwrap_or(IDLE_TIMEOUT);
            let between = between.min(LONGEST_TIMEOUT);
            let longest = body.size_hint().upper();
            let body = if longest.is_some_and(|size| size <= BUFFER_THRESHOLD.min(limits.response))
            {
                let whole = buffer(body, between).await;
                // Nothing of it is in flight any more, whenever the guest reads it.
                permitted = None;
                match whole {
                    Ok(whole) => whole,
                    Err(error) => return fail(error, under_way, &metrics).await,
                }
            } else {
                limited(body, Exceeded::Response(limits.response), metrics)
            };
            under_way.end();
            let tenant = connection.tenant().clone();
            let body = IdleTimeoutBody::new(body, between, tenant, (permit, permitted));
            let done = Box::new(async { Ok(()) });
            Ok((
                Response::from_parts(head, body.boxed_unsync()),
                done as Box<dyn Future<Output = _> + Send>,
            ))
        })
    }
}
