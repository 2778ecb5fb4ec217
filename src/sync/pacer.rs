//! When a checkpoint is due.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// A checkpoint is written when so many requests' worth of rows are delivered, so that a run that is killed loses
/// little: half of it on average, and what was read ahead.
const REQUESTS: usize = 16;
/// But not this soon after the last one: where requests take next to no time, checkpoints would cost more than they save.
const MIN_INTERVAL: Duration = Duration::from_millis(5);
/// At the latest with so many requests, however soon. The contract allows 32.
const MAX_REQUESTS: usize = 24;
/// What a page adds at most, as a rule.
const PAGE: usize = 4;
/// A checkpoint is written after this time if anything changed, however slow the service is.
const MAX_INTERVAL: Duration = Duration::from_secs(5);

/// Decides when a checkpoint is due.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// The requests whose rows were delivered since the last checkpoint.
    requests: usize,
    has_changed: bool,
    last: Option<Timestamp>,
}

impl Pacer {
    /// Rows were delivered that cost so many requests.
    pub(super) fn record_rows(&mut self, requests: usize) {
        self.requests += requests;
        self.has_changed = true;
    }

    /// Whether anything has changed since the last checkpoint.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// The state has changed.
    pub(super) fn record_change(&mut self) {
        self.has_changed = true;
    }

    /// Whether a checkpoint is due.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        let last = *self.last.get_or_insert(now);
        let interval = now.since(last);
        let requests = if interval < MIN_INTERVAL {
            MAX_REQUESTS
        } else {
            REQUESTS
        };
        self.has_changed && (self.requests + PAGE > requests || interval >= MAX_INTERVAL)
    }

    /// A checkpoint was written.
    pub(super) fn restart(&mut self, now: Timestamp) {
        *self = Self {
            last: Some(now),
            ..Self::default()
        };
    }
}
