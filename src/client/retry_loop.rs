//! The loop around one request: it is sent until its answer can be read or no retry is left.

use super::classify::{Failure, body_failure};
use super::limiter::Priority;
use super::recovery::RetryState;
use super::request::{ApiRequest, RequestError};
use super::{Client, Platform, Response};
use crate::wire::BodyError;

impl<P: Platform> Client<'_, P> {
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
        known.record_success(request.endpoint);
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
}

/// Requests that others depend on go first: the next page of a listing, and retries.
fn priority_of(request: &ApiRequest<'_>, retry: &RetryState) -> Priority {
    if retry.failed > 0 || request.has_cursor {
        Priority::Continuation
    } else {
        Priority::Normal
    }
}
