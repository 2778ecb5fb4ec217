//! Circuit breakers: an endpoint that fails for every page is left alone for the rest of the run.

use std::cell::Cell;

use crate::stream::Stream;
use crate::sync::plan::DETAILS;

/// Failures without a success after which an endpoint is left alone.
const BREAKER_THRESHOLD: u32 = 5;

/// What the endpoints for details answered in this run.
#[derive(Debug, Default)]
pub struct Health {
    endpoints: [Cell<Availability>; DETAILS.len()],
    /// Details that were read.
    answers: Cell<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Availability {
    has_succeeded: bool,
    failures: u32,
}

impl Health {
    /// The endpoint of this stream answered.
    pub fn record_success(&self, detail: Stream) {
        self.answers.set(self.answers.get() + 1);
        self.update(detail, |endpoint| endpoint.has_succeeded = true);
    }

    /// The endpoint of this stream failed for a page, retries included.
    pub fn record_failure(&self, detail: Stream) {
        self.update(detail, |endpoint| endpoint.failures += 1);
    }

    /// Whether the endpoint of this stream failed for every page so far, and for enough of them.
    #[must_use]
    pub fn is_down(&self, detail: Stream) -> bool {
        let endpoint = self.endpoint(detail).map(Cell::get).unwrap_or_default();
        !endpoint.has_succeeded && endpoint.failures >= BREAKER_THRESHOLD
    }

    /// How many details were read so far, of any endpoint.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers.get()
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
