//! The way to the service: send one request, retry it, confirm what is suspect.

pub mod classify;
mod confirm;
mod error_body;
pub mod limiter;
pub mod request;
pub mod retry;
pub mod retry_after;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::time::Duration;

use self::classify::{
    Failure, RequestContext, ResponseAction, body_failure, classify, transport_failure,
};
use self::confirm::Confirmations;
use self::limiter::{ConcurrencyLimiter, Priority};
pub use self::request::{ApiRequest, PageRef, RequestError};
use self::retry::{Decision, RetryContext, decide};
use self::retry_after::parse_retry_after;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::note::Note;
use crate::timestamp::{Timestamp, millis};
use crate::wire::BodyError;

#[cfg(test)]
mod tests;

/// A response body longer than this is refused: 32 MiB, more than 250 rows of any endpoint can have.
pub const MAX_BODY: usize = 32 << 20;

/// All that the connector needs of the world: one implementation over WASI, one scripted for tests.
pub trait Platform {
    /// Sends one request and reads the whole response within the request's timeout. Follows no redirect and
    /// retries nothing.
    fn send(&self, request: &Request<'_>)
    -> impl Future<Output = Result<Response, TransportError>>;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;

    /// The time of day, to interpret dates in headers.
    fn now(&self) -> Timestamp;

    /// A number from 0 to 1, for jitter.
    fn random(&self) -> f64;

    /// Passes advice to the host: waits, warnings, progress.
    fn notify(&self, note: &Note<'_>);
}

/// A request below the base URL; another host cannot be named.
#[derive(Debug)]
pub struct Request<'a> {
    /// Path and query below the base URL.
    pub path_and_query: &'a str,
    /// The JSON body of a POST; a GET has none.
    pub body: Option<&'a [u8]>,
    /// The headers to read from a good response, besides its length. Each costs a host call, and the service
    /// sends some thirty.
    pub headers: [Option<&'static str>; 4],
    /// How long the exchange may take, from its start to the end of the response.
    pub timeout: Duration,
}

/// A response, read to its end.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// Response headers, as far as this crate reads them: names in any case, values that are text. A name may
/// occur several times.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of the header `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.iter();
        let line = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.as_str())
    }

    /// All values of the header `name`.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.0.iter();
        let lines = lines.filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str())
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No complete response within the time allowed.
    #[error("no complete answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection failed, or the response broke off.
    #[error("the connection failed: {0}")]
    Network(String),
    /// The host's policy forbids the request; a retry cannot help.
    #[error("the host forbids this request: {0}")]
    Denied(String),
    /// The certificate of the server is not trusted; a retry cannot help.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    /// The response is longer than [`MAX_BODY`] or than the host allows.
    #[error("an answer of more than {} MiB", MAX_BODY >> 20)]
    TooLarge,
}

/// Probes after the first one: their waits are a minute together, as long as false refusals were seen to last.
const MAX_PROBE_RETRIES: u32 = 5;

/// The one way to the service for a call of the component.
#[derive(Debug)]
pub struct Client<'a, P> {
    platform: &'a P,
    config: &'a Config,
    limiter: ConcurrencyLimiter,
    requests: Cell<u64>,
    waited: Cell<Duration>,
    /// The service's clock in its first answer.
    started_at: Cell<Option<Timestamp>>,
    confirmations: RefCell<Confirmations>,
    /// Held by the one request that probes.
    probe_lock: ConcurrencyLimiter,
}

/// What one request has gone through.
#[derive(Debug, Default)]
pub struct RetryState {
    failed: u32,
    waited: Duration,
    /// When it last failed.
    failed_at: Option<Timestamp>,
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

    /// Sends a request until its answer can be read or no retry is left. Suspect answers are confirmed.
    ///
    /// # Errors
    ///
    /// What is left when all is tried.
    pub async fn fetch<T>(
        &self,
        request: &ApiRequest<'_>,
        read: impl Fn(&Response) -> Result<T, BodyError>,
    ) -> Result<T, RequestError> {
        let mut retry = RetryState::default();
        loop {
            let response = self.send_with_retry(request, &mut retry).await?;
            match read(&response) {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let failure = body_failure(self.context(request), &response, &error);
                    self.recover(request, &mut retry, failure, None).await?;
                }
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
        read: impl Fn(&Response) -> Result<T, BodyError>,
    ) -> Result<T, Failure> {
        let mut retry = RetryState::default();
        loop {
            let sent = self.send_once(request, priority_of(request, &retry)).await;
            let (failure, requested) = match sent {
                Ok(response) => match read(&response) {
                    Ok(value) => return Ok(value),
                    Err(error) => (body_failure(self.context(request), &response, &error), None),
                },
                Err(failed) => failed,
            };
            if failure.action.needs_confirmation() {
                return Err(failure);
            }
            self.retry(request, &mut retry, failure, requested).await?;
        }
    }

    async fn send_with_retry(
        &self,
        request: &ApiRequest<'_>,
        retry: &mut RetryState,
    ) -> Result<Response, RequestError> {
        loop {
            match self.send_once(request, priority_of(request, retry)).await {
                Ok(response) => return Ok(response),
                Err((failure, requested)) => {
                    self.recover(request, retry, failure, requested).await?
                }
            }
        }
    }

    /// Returns when the request may be sent again.
    async fn recover(
        &self,
        request: &ApiRequest<'_>,
        retry: &mut RetryState,
        failure: Failure,
        requested: Option<Duration>,
    ) -> Result<(), RequestError> {
        if failure.action.needs_confirmation() {
            self.confirm_credentials(request, &failure, retry.failed_at)
                .await?;
        }
        let retried = self.retry(request, retry, failure, requested).await;
        retried.map_err(|failure| {
            let error = RequestError::of(failure, request.endpoint);
            if matches!(error, RequestError::Unavailable(_)) {
                let now = self.platform.now();
                self.confirmations.borrow_mut().record_refusal(request, now);
            }
            error
        })
    }

    /// Waits until the next try, or returns the failure if there is none.
    async fn retry(
        &self,
        request: &ApiRequest<'_>,
        retry: &mut RetryState,
        mut failure: Failure,
        requested: Option<Duration>,
    ) -> Result<(), Failure> {
        request.reduce_page_size(&failure);
        let now = self.platform.now();
        retry.failed += 1;
        retry.failed_at = Some(now);
        let context = RetryContext {
            action: failure.action,
            from_cdn: failure.from_cdn,
            confirmed: self
                .confirmations
                .borrow_mut()
                .is_confirmed(request, &failure, now),
            failed: retry.failed,
            waited: retry.waited,
            requested,
            random: self.platform.random(),
        };
        let Decision::RetryAfter(wait) = decide(&self.config.retry, &context) else {
            failure.error.retry_after = requested;
            return Err(failure);
        };
        retry.waited += wait;
        self.wait(wait, &failure).await;
        Ok(())
    }

    async fn wait(&self, wait: Duration, failure: &Failure) {
        let reason = match (failure.action, failure.error.http_status) {
            (ResponseAction::RateLimited, _) => "rate limit".to_owned(),
            (_, Some(status)) => format!("HTTP {status}"),
            _ => "no answer".to_owned(),
        };
        let ms = millis(wait);
        self.notify(&Note::Wait {
            ms,
            reason: &reason,
        });
        let _pause = (failure.action == ResponseAction::RateLimited).then(|| {
            self.limiter.halve();
            self.limiter.pause()
        });
        self.platform.sleep(wait).await;
        self.waited.set(self.waited.get().saturating_add(wait));
    }

    /// Pauses all requests while one probe of the collection of pages decides for all whether the credentials work.
    async fn confirm_credentials(
        &self,
        request: &ApiRequest<'_>,
        failure: &Failure,
        failed_before: Option<Timestamp>,
    ) -> Result<(), RequestError> {
        let failed_at = self.platform.now();
        let is_cleared = || {
            let mut known = self.confirmations.borrow_mut();
            known.is_cleared(request, failure, failed_before, failed_at)
        };
        if is_cleared() {
            return Ok(());
        }
        let _pause = self.limiter.pause();
        let _turn = self.probe_lock.acquire(Priority::Normal).await;
        if let Some(error) = self.confirmations.borrow().revoked.clone() {
            return Err(RequestError::Fatal(error));
        }
        if !self.confirmations.borrow().probed_since(failed_at)
            && let Err(failure) = self.probe().await
        {
            self.confirmations.borrow_mut().revoked = Some(failure.error.clone());
            return Err(RequestError::Fatal(failure.error));
        }
        let now = self.platform.now();
        self.confirmations.borrow_mut().record_probe(request, now);
        Ok(())
    }

    /// Requests one page of the collection of pages, again and again for a minute.
    async fn probe(&self) -> Result<(), Failure> {
        let limit = Cell::new(1);
        let request = ApiRequest {
            limit: Some(&limit),
            ..ApiRequest::new(Endpoint::Pages)
        };
        let mut retry = RetryState::default();
        loop {
            let Err((failure, requested)) = self.send_once(&request, Priority::Probe).await else {
                return Ok(());
            };
            let mut failure = failure;
            if let ResponseAction::Suspect(_) = failure.action
                && retry.failed < MAX_PROBE_RETRIES
            {
                // The collection itself is suspect: nothing else can clear it but another try.
                failure.action = ResponseAction::Retry;
            }
            self.retry(&request, &mut retry, failure, requested).await?;
        }
    }

    /// Sends a request once; a failure comes with the wait that the service requests.
    async fn send_once(
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
                },
                None,
            ));
        }
        self.requests.set(self.requests.get() + 1);
        let path_and_query = request.path_and_query();
        let sent = self
            .platform
            .send(&self.on_the_wire(request, &path_and_query, priority))
            .await;
        drop(permit);
        let context = self.context(request);
        let response = sent.map_err(|error| (transport_failure(context, &error), None))?;
        self.record_server_time(&response);
        if let Err(failure) = classify(context, &response) {
            let requested = parse_retry_after(&response.headers, self.server_now(&response));
            return Err((failure, requested));
        }
        self.confirmations
            .borrow_mut()
            .record_success(request.endpoint);
        let near_limit = response.headers.get("x-ratelimit-nearlimit");
        if near_limit.is_some_and(|near| near.eq_ignore_ascii_case("true")) {
            self.limiter.decrement();
        } else {
            self.limiter.on_success();
        }
        Ok(response)
    }

    fn on_the_wire<'r>(
        &self,
        request: &'r ApiRequest<'_>,
        path_and_query: &'r str,
        priority: Priority,
    ) -> Request<'r> {
        Request {
            path_and_query,
            body: request.body.as_deref(),
            headers: [
                Some("x-ratelimit-nearlimit"),
                request.limit.map(|_| "link"),
                self.started_at.get().is_none().then_some("date"),
                // For the message, if the body cannot be read again.
                (priority == Priority::Continuation).then_some("atl-traceid"),
            ],
            timeout: self.config.timeout,
        }
    }

    fn context<'r>(&'r self, request: &'r ApiRequest<'_>) -> RequestContext<'r> {
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
