//! Circuit breakers: an endpoint that fails for every page is left alone for the rest of the run.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use crate::stream::Stream;
use crate::sync::selection::DETAILS;

/// Failures without a success after which an endpoint is left alone.
const BREAKER_THRESHOLD: u32 = 5;

/// What the endpoints for details answered in this run.
#[derive(Debug, Default)]
pub(super) struct Health {
    endpoints: [Cell<Availability>; DETAILS.len()],
    /// Details that were read, and probes that were answered.
    answers: Cell<u64>,
    probe: Probe,
}

/// The one request that finds out whether the service answers at all.
#[derive(Debug, Default)]
struct Probe {
    in_flight: Cell<bool>,
    has_failed: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Probe {
    async fn wait_until_done(&self) {
        poll_fn(|context| {
            if !self.in_flight.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Ends the probe also where its future is dropped.
struct ProbeGuard<'a>(&'a Probe);

impl Drop for ProbeGuard<'_> {
    fn drop(&mut self) {
        self.0.in_flight.set(false);
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Availability {
    has_succeeded: bool,
    failures: u32,
}

impl Health {
    /// The endpoint of this stream answered.
    pub(super) fn record_success(&self, detail: Stream) {
        self.answers.set(self.answers.get() + 1);
        self.update(detail, |endpoint| endpoint.has_succeeded = true);
    }

    /// The endpoint of this stream answered with nothing, as a box in between may answer for everybody.
    pub(super) fn record_nothing(&self, detail: Stream) {
        self.update(detail, |endpoint| endpoint.has_succeeded = true);
    }

    /// The service refused a value: it answers, but the endpoint need not work.
    pub(super) fn record_refusal(&self) {
        self.answers.set(self.answers.get() + 1);
    }

    /// The endpoint of this stream failed for a page, retries included.
    pub(super) fn record_failure(&self, detail: Stream) {
        self.update(detail, |endpoint| endpoint.failures += 1);
    }

    /// The endpoint of this stream failed for every page before this run was resumed.
    pub(super) fn mark_down(&self, detail: Stream) {
        self.update(detail, |endpoint| endpoint.failures = BREAKER_THRESHOLD);
    }

    /// Whether the endpoint of this stream failed for every page so far, and for enough of them.
    #[must_use]
    pub(super) fn is_down(&self, detail: Stream) -> bool {
        let endpoint = self.endpoint(detail).map(Cell::get).unwrap_or_default();
        !endpoint.has_succeeded && endpoint.failures >= BREAKER_THRESHOLD
    }

    /// How many details were read so far, of any endpoint.
    #[must_use]
    pub(super) fn answers(&self) -> u64 {
        self.answers.get()
    }

    /// Whether the service answered anything since `before` details were read. One probe decides for all who ask.
    pub(super) async fn service_answers(
        &self,
        before: u64,
        request: impl Future<Output = bool>,
    ) -> bool {
        loop {
            if self.probe.has_failed.get() {
                return false;
            }
            if self.answers.get() > before {
                return true;
            }
            if !self.probe.in_flight.replace(true) {
                break;
            }
            self.probe.wait_until_done().await;
        }
        let _guard = ProbeGuard(&self.probe);
        let answers = request.await;
        self.probe.has_failed.set(!answers);
        self.answers.set(self.answers.get() + u64::from(answers));
        answers
    }

    fn update(&self, detail: Stream, change: impl Fn(&mut Availability)) {
        if let Some(cell) = self.endpoint(detail) {
            let mut endpoint = cell.get();
            change(&mut endpoint);
            cell.set(endpoint);
        }
    }

    fn endpoint(&self, detail: Stream) -> Option<&Cell<Availability>> {
        let mut endpoints = DETAILS.iter().zip(&self.endpoints);
        let found = endpoints.find(|(stream, _)| **stream == detail);
        found.map(|(_, endpoint)| endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_without_a_success_open_the_breaker() {
        let health = Health::default();
        for _ in 0..4 {
            health.record_failure(Stream::PageViews);
            assert!(!health.is_down(Stream::PageViews));
        }
        health.record_failure(Stream::PageViews);
        assert!(health.is_down(Stream::PageViews));
        assert!(!health.is_down(Stream::PageLabels), "each on its own");
        health.record_success(Stream::PageViews);
        assert!(!health.is_down(Stream::PageViews), "it works after all");
    }
}
