//! Sends requests: the loop around limiter, platform, classification and recovery.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::classify::{
    Failure, RequestContext, ResponseAction, body_failure, classify, transport_failure,
};
use super::confirm::Confirmations;
use super::limiter::{ConcurrencyLimiter, Priority};
use super::recovery::RetryState;
use super::request::{ApiRequest, RequestError};
use super::retry_after::parse_retry_after;
use super::{Platform, Request, Response};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::note::Note;
use crate::timestamp::Timestamp;
use crate::wire::BodyError;

/// The one way to the service for a call of the component.
#[derive(Debug)]
pub struct Client<'a, P> {
    pub(super) platform: &'a P,
    pub(super) config: &'a Config,
    pub(super) limiter: ConcurrencyLimiter,
    requests: Cell<u64>,
    pub(super) waited: Cell<Duration>,
    /// The service's clock in its first answer.
    started_at: Cell<Option<Timestamp>>,
    pub(super) confirmations: RefCell<Confirmations>,
    /// How the listings of each endpoint end.
    ends: Cell<[EndHabit; Endpoint::ALL.len()]>,
    /// Held by the one request that probes.
    pub(super) probe_lock: ConcurrencyLimiter,
}

/// How the listings of an endpoint end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndHabit {
    /// None came to its end so far.
    #[default]
    Unknown,
    /// With links without a next one, as the service does: an end that has none is odd.
    Said,
    /// Without any links.
    Unsaid,
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
            started_at: Cell::default(),
            confirmations: RefCell::default(),
            ends: Cell::default(),
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
        self.started_at.get().unwrap_or_else(|| self.platform.now())
    }

    /// How the listings of an endpoint end, as far as this run has seen.
    pub fn end_habit(&self, endpoint: Endpoint) -> EndHabit {
        let ends = self.ends.get();
        ends.get(endpoint as usize).copied().unwrap_or_default()
    }

    /// A listing of this endpoint came to its end.
    pub fn record_end(&self, endpoint: Endpoint, habit: EndHabit) {
        let mut ends = self.ends.get();
        if let Some(known) = ends.get_mut(endpoint as usize) {
            *known = habit;
        }
        self.ends.set(ends);
    }

    /// Sends a request until its answer can be read or no retry is left. Suspect answers are confirmed.
    ///
    /// # Errors
    ///
    /// What is left when all is tried.
    pub async fn fetch<T>(
        &self,
        request: &ApiRequest<'_>,
        mut read: impl FnMut(&Response) -> Result<T, BodyError>,
    ) -> Result<T, RequestError> {
        let mut retry = RetryState::default();
        let mut unreadable = None;
        loop {
            let response = Box::pin(self.next_answer(request, &mut retry, unreadable)).await?;
            match self.read(request, &response, &mut read) {
                Ok(value) => return Ok(value),
                Err(failure) => unreadable = Some(failure),
            }
        }
    }

    /// Sends a request and takes the service at its word: what is suspect is not confirmed.
    ///
    /// # Errors
    ///
    /// The failure that stays.
    pub async fn fetch_unconfirmed<T>(
        &self,
        request: &ApiRequest<'_>,
        mut read: impl FnMut(&Response) -> Result<T, BodyError>,
    ) -> Result<T, Failure> {
        let mut retry = RetryState::default();
        let mut unreadable = None;
        loop {
            let answer = self.next_unconfirmed_answer(request, &mut retry, unreadable);
            let response = Box::pin(answer).await?;
            match self.read(request, &response, &mut read) {
                Ok(value) => return Ok(value),
                Err(failure) => unreadable = Some(failure),
            }
        }
    }

    fn read<T>(
        &self,
        request: &ApiRequest<'_>,
        response: &Response,
        read: impl FnOnce(&Response) -> Result<T, BodyError>,
    ) -> Result<T, Failure> {
        let value = read(response)
            .map_err(|error| body_failure(self.context(request), response, &error))?;
        let mut known = self.confirmations.borrow_mut();
        known.record_success(request, self.platform.now());
        Ok(value)
    }

    /// The next good answer to a request; `unreadable` is the failure of the one before.
    ///
    /// Its callers box it: it would be part of the code and the future of each, which takes 20 KB of the component.
    async fn next_answer(
        &self,
        request: &ApiRequest<'_>,
        retry: &mut RetryState,
        unreadable: Option<Failure>,
    ) -> Result<Response, RequestError> {
        let mut failed = unreadable.map(|failure| (failure, None));
        loop {
            if let Some((failure, requested)) = failed {
                self.recover(request, retry, failure, requested).await?;
            }
            match self.send_once(request, priority_of(request, retry)).await {
                Ok(response) => return Ok(response),
                Err(failure) => failed = Some(failure),
            }
        }
    }

    async fn next_unconfirmed_answer(
        &self,
        request: &ApiRequest<'_>,
        retry: &mut RetryState,
        unreadable: Option<Failure>,
    ) -> Result<Response, Failure> {
        let mut failed = unreadable.map(|failure| (failure, None));
        loop {
            if let Some((failure, requested)) = failed {
                if failure.action.needs_confirmation() {
                    return Err(failure);
                }
                self.retry(request, retry, failure, requested).await?;
            }
            match self.send_once(request, priority_of(request, retry)).await {
                Ok(response) => return Ok(response),
                Err(failure) => failed = Some(failure),
            }
        }
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
        self.record_server_time(&response);
        if let Err(failure) = classify(context, &response) {
            let requested = parse_retry_after(&response.headers, self.server_now(&response));
            return Err((failure, requested));
        }
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
                self.started_at.get().is_none().then_some("date"),
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

    fn record_server_time(&self, response: &Response) {
        if self.started_at.get().is_none() {
            self.started_at.set(Some(self.server_now(response)));
        }
    }

    /// The time by the service's own clock, if it tells it.
    fn server_now(&self, response: &Response) -> Timestamp {
        let date = response.headers.get("date");
        let date = date.and_then(Timestamp::parse_http);
        date.unwrap_or_else(|| self.platform.now())
    }
}

/// Requests that others depend on go first: the next page of a listing, and retries.
fn priority_of(request: &ApiRequest<'_>, retry: &RetryState) -> Priority {
    if retry.failed > 0 || request.has_cursor {
        Priority::Continuation
    } else {
        Priority::Normal
    }
}
