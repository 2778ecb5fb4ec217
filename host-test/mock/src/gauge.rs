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
pub(super) struct Flow {
    now: usize,
    max: usize,
    /// Request-seconds between the first request and the last change.
    area: f64,
    first: Option<Instant>,
    changed: Option<Instant>,
    count: u64,
    log: Vec<LoggedRequest>,
    capacity: usize,
}

impl Flow {
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
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_mean_is_weighted_by_time() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut flow = Flow::new(0);
        assert!(flow.mean().abs() < 1e-9);
        flow.enter(at(0));
        assert_eq!(flow.enter(at(2)), 2);
        flow.leave(at(3));
        flow.leave(at(4));
        assert!(
            (flow.mean() - 5.0 / 4.0).abs() < 1e-9,
            "one for two seconds, two for one, one for one"
        );
        assert_eq!((flow.now(), flow.max(), flow.count()), (0, 2, 2));
        flow.clear();
        assert_eq!((flow.max(), flow.count()), (0, 0));
    }
}
