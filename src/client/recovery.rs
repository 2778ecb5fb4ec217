//! What happens after a failure: wait, confirm the credentials, or give up.

use std::cell::Cell;
use std::time::Duration;

use super::classify::{Failure, ResponseAction, body_failure};
use super::limiter::Priority;
use super::request::{ApiRequest, RequestError};
use super::retry::{Decision, RetryContext, decide};
use super::{Client, Platform};
use crate::endpoint::Endpoint;
use crate::note::Note;
use crate::timestamp::{Timestamp, millis};
use crate::wire::{BodyError, Value, decode, read};

/// Probes after the first one: their waits are a minute together, as long as false refusals were seen to last.
const MAX_PROBE_RETRIES: u32 = 5;

/// What one request has gone through.
#[derive(Debug, Default)]
pub(super) struct RetryState {
    pub(super) failed: u32,
    /// What the last failure called for, and how many did in a row.
    last: Option<(ResponseAction, u32)>,
    waited: Duration,
    /// When it last failed.
    failed_at: Option<Timestamp>,
}

impl RetryState {
    /// Counts a failure; how many called for the same action in a row.
    fn record_failure(&mut self, action: ResponseAction, now: Timestamp) -> u32 {
        let before = self.last.filter(|(last, _)| *last == action);
        let in_a_row = before.map_or(0, |(_, count)| count) + 1;
        self.last = Some((action, in_a_row));
        self.failed += 1;
        self.failed_at = Some(now);
        in_a_row
    }
}

impl<P: Platform> Client<'_, P> {
    /// Returns when the request may be sent again.
    pub(super) async fn recover(
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
    pub(super) async fn retry(
        &self,
        request: &ApiRequest<'_>,
        retry: &mut RetryState,
        mut failure: Failure,
        requested: Option<Duration>,
    ) -> Result<(), Failure> {
        let asks_for_fewer = failure.fewer_rows && request.reduce_page_size();
        if asks_for_fewer && failure.action == ResponseAction::Fail {
            failure.action = ResponseAction::Retry;
        }
        let now = self.platform.now();
        let in_a_row = retry.record_failure(failure.action, now);
        let context = RetryContext {
            action: failure.action,
            from_cdn: failure.from_cdn,
            confirmed: self
                .confirmations
                .borrow_mut()
                .is_confirmed(request, &failure, now),
            failed: retry.failed,
            in_a_row,
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
            let sent = self.send_once(&request, Priority::Probe).await;
            let sent = sent.and_then(|response| {
                let failure = |error| body_failure(self.context(&request), &response, &error);
                is_json(&response.body).map_err(|error| (failure(error), None))
            });
            let Err((mut failure, requested)) = sent else {
                return Ok(());
            };
            if let ResponseAction::Suspect(_) = failure.action {
                if retry.failed >= MAX_PROBE_RETRIES {
                    return Err(failure);
                }
                // The collection itself is suspect: nothing else can clear it but another try.
                failure.action = ResponseAction::Retry;
            }
            self.retry(&request, &mut retry, failure, requested).await?;
        }
    }
}

/// A web page that a box in between sends with a good status proves nothing about the credentials.
fn is_json(body: &[u8]) -> Result<(), BodyError> {
    decode(body, |json| read::<Value<'_>>(json).map(drop))
}
