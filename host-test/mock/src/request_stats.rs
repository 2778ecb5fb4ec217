//! How many requests were under way and what they were.

use std::time::Instant;

use bytes::Bytes;

use super::endpoint::Endpoint;

/// A request that came.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// The method.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The endpoint, when it is one of the seven.
    pub endpoint: Option<Endpoint>,
    /// The status answered; 0 when no status was.
    pub status: u16,
    /// Whether an `Authorization` header came.
    pub authorization: bool,
    /// The body as sent.
    pub body: Bytes,
    /// When it came.
    pub started: Instant,
    /// How many requests were under way then, this one included.
    pub in_flight: usize,
}

/// The requests so far.
#[derive(Debug)]
pub(super) struct RequestStats {
    now: usize,
    max: usize,
    /// IncomingRequest-seconds between the first request and the last change.
    area: f64,
    first: Option<Instant>,
    changed: Option<Instant>,
    count: u64,
    log: Vec<LoggedRequest>,
    capacity: usize,
}

impl RequestStats {
    /// A log that forgets what comes after `capacity` requests.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            now: 0,
            max: 0,
            area: 0.0,
            first: None,
            changed: None,
            count: 0,
            log: Vec::new(),
            capacity,
        }
    }

    /// Forgets everything but the requests that are under way.
    pub(super) fn clear(&mut self) {
        *self = Self {
            now: self.now,
            max: self.now,
            ..Self::new(self.capacity)
        };
    }

    /// A request comes; returns how many are under way.
    pub(super) fn enter(&mut self, at: Instant) -> usize {
        self.advance(at);
        self.now += 1;
        self.count += 1;
        self.max = self.max.max(self.now);
        self.now
    }

    /// A request ends.
    pub(super) fn leave(&mut self, at: Instant) {
        self.advance(at);
        self.now = self.now.saturating_sub(1);
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "there are never that many requests"
    )]
    fn advance(&mut self, at: Instant) {
        let since = self.changed.map_or(0.0, |changed| {
            at.saturating_duration_since(changed).as_secs_f64()
        });
        self.area += self.now as f64 * since;
        self.first.get_or_insert(at);
        self.changed = Some(at);
    }

    /// Keeps a request, if there is room.
    pub(super) fn record(&mut self, request: impl FnOnce() -> LoggedRequest) {
        if self.log.len() < self.capacity {
            self.log.push(request());
        }
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn log(&self) -> &[LoggedRequest] {
        &self.log
    }

    /// How many were under way on average, weighted by time, from the first request to the end of the last.
    pub(super) fn mean(&self) -> f64 {
        let (Some(first), Some(changed)) = (self.first, self.changed) else {
            return 0.0;
        };
        let seconds = changed.saturating_duration_since(first).as_secs_f64();
        if seconds > 0.0 {
            self.area / seconds
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests;
