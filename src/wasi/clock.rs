//! The clocks of WASI in this crate's terms.

use std::time::Duration;

use super::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use super::bindings::wasi::clocks::wall_clock;
use super::executor::{Ready, wait_for};
use crate::timestamp::{Timestamp, millis};

/// Waits until a time has passed.
pub(super) fn sleep(duration: Duration) -> Ready {
    wait_for(subscribe_duration(nanoseconds(duration)))
}

/// The time of day.
pub(super) fn time_of_day() -> Timestamp {
    let now = wall_clock::now();
    let millis = now.seconds.saturating_mul(1000) + u64::from(now.nanoseconds / 1_000_000);
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    millis(duration).saturating_mul(1_000_000)
}
