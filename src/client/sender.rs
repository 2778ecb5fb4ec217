//! The client: it sends a request once, within the limits, and classifies the answer.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::classify::{Failure, RequestContext, ResponseAction, classify, transport_failure};
use super::confirm::Confirmations;
use super::end_marker::{EndMarker, EndMarkers};
use super::limiter::{ConcurrencyLimiter, Priority};
use super::request::ApiRequest;
use super::retry::can_retry;
use super::retry_after::parse_retry_after;
use super::server_clock::{ServerClock, server_now};
use super::{Platform, Request, Response};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::note::Note;
use crate::timestamp::Timestamp;

/// The one way to the service for a call of the component.
#[derive(Debug)]
pub struct Client<'a, P> {
    pub(super) platform: &'a P,
    pub(super) config: &'a Config,
    pub(super) limiter: ConcurrencyLimiter,
    requests: Cell<u64>,
    pub(super) waited: Cell<Duration>,
    clock: ServerClock,
    pub(super) confirmations: RefCell<Confirmations>,
    ends: EndMarkers,
    /// Held by the one request that probes.
    pub(super) probe_lock: ConcurrencyLimiter,
}

impl<'a, P: Platform> Client<'a, P> {
    /// A client for the site of `config`.
    pub fn new(platform: &'a P, config: &'a Config) -> Self {
        Self {
            platform,
            config,
            limiter: ConcurrencyLimiter::new(config.max_concurrency),
            requests: Cell::default(),
            waited: Cell::default(),
            clock: ServerClock::default(),
            confirmations: RefCell::default(),
            ends: EndMarkers::default(),
            probe_lock: ConcurrencyLimiter::new(1),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// Passes advice to the host.
    pub fn notify(&self, note: &Note<'_>) {
        self.platform.notify(note);
    }

    /// Requests sent so far.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// How long requests have waited between their tries, all together.
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.platform.now()
    }

    /// When this call began, by the service's own clock, so that a wrong clock here loses nothing.
    pub fn started_at(&self) -> Timestamp {
        let first = self.clock.started_at();
        first.unwrap_or_else(|| self.platform.now())
    }

    /// Whether the configuration lets an odd answer be asked for again.
    pub fn can_retry(&self) -> bool {
        can_retry(&self.config.retry)
    }

    /// How the listings of an endpoint end, as far as this run has seen.
    pub fn end_marker(&self, endpoint: Endpoint) -> EndMarker {
        self.ends.of(endpoint)
    }

    /// A listing of this endpoint came to its end; whether that shows something new.
    pub fn record_end(&self, endpoint: Endpoint, marker: EndMarker) -> bool {
        self.ends.record(endpoint, marker)
    }

    /// Sends a request once; a failure comes with the wait that the service requests.
    pub(super) async fn send_once(
        &self,
        request: &ApiRequest<'_>,
        priority: Priority,
    ) -> Result<Response, (Failure, Option<Duration>)> {
        let permit = self.limiter.acquire(priority).await;
        if let Some(error) = self.confirmations.borrow().revoked.clone() {
            let action = ResponseAction::FailRun;
            return Err((
                Failure {
                    error,
                    action,
                    from_cdn: false,
                    fewer_rows: false,
                },
                None,
            ));
        }
        self.requests.set(self.requests.get() + 1);
        let path_and_query = request.path_and_query();
        let sent = self
            .platform
            .send(&self.on_the_wire(request, &path_and_query))
            .await;
        drop(permit);
        let context = self.context(request);
        let response = sent.map_err(|error| (transport_failure(context, &error), None))?;
        if let Err(failure) = classify(context, &response) {
            let now = server_now(self.platform, &response);
            let requested = parse_retry_after(&response.headers, now);
            return Err((failure, requested));
        }
        self.clock.record(self.platform, &response);
        let near_limit = response.headers.get("x-ratelimit-nearlimit");
        if near_limit.is_some_and(|near| near.eq_ignore_ascii_case("true")) {
            self.limiter.decrement();
        } else {
            self.limiter.on_success();
        }
        Ok(response)
    }

    fn on_the_wire<'r>(&self, request: &'r ApiRequest<'_>, path_and_query: &'r str) -> Request<'r> {
        Request {
            path_and_query,
            body: request.body.as_deref(),
            headers: [
                Some("x-ratelimit-nearlimit"),
                request.limit.map(|_| "link"),
                self.clock.started_at().is_none().then_some("date"),
                // For the message, if the body cannot be read.
                Some("atl-traceid"),
            ],
            timeout: self.config.timeout,
        }
    }

    pub(super) fn context<'r>(&'r self, request: &'r ApiRequest<'_>) -> RequestContext<'r> {
        RequestContext {
            endpoint: request.endpoint,
            page: request.page,
            config: self.config,
            has_cursor: request.has_cursor,
            authenticated: self.confirmations.borrow().authenticated,
        }
    }
}
