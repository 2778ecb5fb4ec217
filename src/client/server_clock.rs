//! The service's own clock, as its answers tell it.

use std::cell::Cell;

use super::{Platform, Response};
use crate::timestamp::Timestamp;

/// When the service's first answer came, by its own clock.
#[derive(Debug, Default)]
pub(super) struct ServerClock(Cell<Option<Timestamp>>);

impl ServerClock {
    /// The time of the first answer; none before it.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        self.0.get()
    }

    /// Takes the time of an answer, if it is the first one.
    pub(super) fn record<P: Platform>(&self, platform: &P, response: &Response) {
        if self.0.get().is_none() {
            self.0.set(Some(server_now(platform, response)));
        }
    }
}

/// The time by the service's own clock, if the answer tells it.
pub(super) fn server_now<P: Platform>(platform: &P, response: &Response) -> Timestamp {
    let date = response.headers.get("date");
    let date = date.and_then(Timestamp::parse_http);
    date.unwrap_or_else(|| platform.now())
}
