//! How many requests were under way and what they were.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};

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

impl LoggedRequest {
    /// The request as JSON, with its time since `start`.
    pub(super) fn to_json(&self, start: Instant) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "endpoint": self.endpoint.map(Endpoint::name),
            "status": self.status,
            "authorization": self.authorization,
            "body": String::from_utf8_lossy(&self.body),
            "at_ms": self.started.saturating_duration_since(start).as_secs_f64() * 1000.0,
            "in_flight": self.in_flight,
        })
    }
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
    by_endpoint: BTreeMap<Endpoint, u64>,
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
            by_endpoint: BTreeMap::new(),
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

    /// Counts a request by its endpoint, and keeps it if there is room.
    pub(super) fn record(
        &mut self,
        endpoint: Option<Endpoint>,
        request: impl FnOnce() -> LoggedRequest,
    ) {
        if let Some(endpoint) = endpoint {
            *self.by_endpoint.entry(endpoint).or_default() += 1;
        }
        if self.log.len() < self.capacity {
            self.log.push(request());
        }
    }

    /// How many requests each endpoint got.
    pub(super) fn by_endpoint(&self) -> &BTreeMap<Endpoint, u64> {
        &self.by_endpoint
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

    /// Counts and the requests that were kept, as JSON.
    pub(super) fn to_json(&self) -> Value {
        let by_endpoint: Map<String, Value> = self
            .by_endpoint
            .iter()
            .map(|(endpoint, count)| (endpoint.name().to_owned(), json!(count)))
            .collect();
        let start = self.first.unwrap_or_else(Instant::now);
        let log: Vec<Value> = self
            .log
            .iter()
            .map(|request| request.to_json(start))
            .collect();
        json!({
            "requests": self.count,
            "in_flight": self.now,
            "max_in_flight": self.max,
            "mean_in_flight": self.mean(),
            "by_endpoint": by_endpoint,
            "log": log,
        })
    }
}

#[cfg(test)]
mod tests;
