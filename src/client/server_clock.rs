//! The service's own clock, as its answers tell it.

use std::cell::Cell;
use std::time::Duration;

use super::{Platform, Response};
use crate::timestamp::Timestamp;

/// How far the service's clock may be ahead of the host's to be believed. Times before it read something again at worst;
/// those behind it would pass over what is changed until then.
const MAX_AHEAD: Duration = Duration::from_hours(24);

/// When the service's first good answer came, by its own clock. What stands in between has clocks of its own.
#[derive(Debug, Default)]
pub(super) struct ServerClock(Cell<Option<Timestamp>>);

impl ServerClock {
    /// The time of the first good answer; none before it.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        self.0.get()
    }

    /// Takes the time of a good answer, if it is the first one.
    pub(super) fn record<P: Platform>(&self, platform: &P, response: &Response) {
        if self.0.get().is_none() {
            let latest = platform.now().saturating_add(MAX_AHEAD);
            self.0.set(Some(server_now(platform, response).min(latest)));
        }
    }
}

/// The time by the service's own clock, if the answer tells it.
pub(super) fn server_now<P: Platform>(platform: &P, response: &Response) -> Timestamp {
    let date = response.headers.get("date");
    let date = date.and_then(Timestamp::parse_http);
    date.unwrap_or_else(|| platform.now())
}
