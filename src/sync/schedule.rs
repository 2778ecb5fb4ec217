//! How far an incremental run goes on with the snapshot under way.

use std::time::Duration;

use crate::config::Config;
use crate::state::Refresh;
use crate::sync::summary::{Freshness, Thousandths};
use crate::timestamp::{Timestamp, millis};

/// The snapshot is kept this far ahead of its schedule: dates of the service are cut to seconds, and runs don't start
/// to the second.
const AHEAD: Duration = Duration::from_mins(5);
const DAY: Duration = Duration::from_hours(24);

/// What the schedule goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    /// In how many days everything is read again.
    pub(super) days: u32,
    /// Requests of one run at most.
    pub(super) requests: u64,
    /// Requests that the details of a page take.
    pub(super) details_per_page: u64,
    /// How many pages the last snapshot counted.
    pub(super) pages: Option<u64>,
}

impl Schedule {
    /// The schedule of this configuration.
    #[must_use]
    pub(super) fn new(config: &Config, details_per_page: usize, pages: Option<u64>) -> Self {
        Self {
            days: config.refresh_days,
            requests: config.refresh_requests,
            details_per_page: u64::try_from(details_per_page).unwrap_or(1).max(1),
            pages,
        }
    }

    /// How many pages a run at `now` reads.
    #[must_use]
    pub(super) fn due_pages(&self, snapshot: &Refresh, now: Timestamp) -> u64 {
        let capacity = self.capacity(self.requests);
        let Some(pages) = self.pages else {
            // Without a count, there is no schedule: a third leaves room for retries and changes.
            return self.capacity(self.requests / 3);
        };
        let elapsed = now.since(snapshot.started).saturating_add(AHEAD);
        if elapsed >= self.period() {
            return capacity;
        }
        self.target(pages, elapsed)
            .saturating_sub(snapshot.pages)
            .min(capacity)
    }

    /// Whether the run at `now` leaves the snapshot behind its schedule.
    #[must_use]
    pub(super) fn is_behind(&self, snapshot: &Refresh, now: Timestamp) -> bool {
        let elapsed = now.since(snapshot.started);
        let target = self.pages.map(|pages| self.target(pages, elapsed));
        target.is_some_and(|target| snapshot.pages < target)
    }

    /// What bound the snapshot keeps, as far as it went at `now`.
    #[must_use]
    pub(super) fn freshness(&self, snapshot: &Refresh, now: Timestamp) -> Freshness {
        let promised_days = Thousandths::whole(self.days);
        let pages = self.pages.unwrap_or_default();
        let done = snapshot.pages.min(pages);
        let elapsed = millis(now.since(snapshot.started));
        let kept_days = if done > 0 && self.is_behind(snapshot, now) {
            let whole = elapsed.saturating_mul(pages) / done;
            promised_days.max(Thousandths::ratio(whole, millis(DAY)))
        } else {
            promised_days
        };
        Freshness {
            promised_days,
            kept_days,
            snapshot_done: Thousandths::ratio(done, pages.max(1)),
        }
    }

    /// The pages that so many requests read, their listing included.
    fn capacity(&self, requests: u64) -> u64 {
        (requests.saturating_sub(1) / self.details_per_page).max(1)
    }

    fn period(&self) -> Duration {
        DAY.saturating_mul(self.days)
    }

    fn target(&self, pages: u64, elapsed: Duration) -> u64 {
        let period = millis(self.period()).max(1);
        pages
            .saturating_mul(millis(elapsed).min(period))
            .div_ceil(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{IdSketch, Position, StreamSet};

    fn schedule(pages: Option<u64>, requests: u64) -> Schedule {
        Schedule {
            days: 7,
            requests,
            details_per_page: 4,
            pages,
        }
    }

    fn snapshot(pages: u64) -> Refresh {
        Refresh {
            streams: StreamSet::EMPTY,
            started: Timestamp::from_millis(0),
            position: Position::default(),
            pages,
            listed: IdSketch::default(),
            last_listed: None,
            delivered: Vec::new(),
        }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    #[test]
    fn a_run_reads_what_is_due() {
        for (pages, requests, read, hour, expected, why) in [
            (Some(10_000), 20_000, 0, 0, 5, "a little ahead"),
            (Some(10_000), 20_000, 60, 1, 5, "one hour of a week"),
            (Some(10_000), 40_000, 0, 84, 5005, "half of the week"),
            (Some(10_000), 401, 0, 84, 100, "no more than the cap"),
            (
                Some(10_000),
                20_000,
                9_990,
                168,
                4999,
                "what is left, when the time is over",
            ),
            (Some(10_000), 20_000, 6_000, 84, 0, "ahead of the schedule"),
            (
                None,
                20_000,
                0,
                5,
                1666,
                "a third of the cap without a count",
            ),
            (
                Some(10),
                1,
                0,
                84,
                1,
                "never nothing at all where something is due",
            ),
        ] {
            let due = schedule(pages, requests).due_pages(&snapshot(read), hours(hour));
            assert_eq!(due, expected, "{why}");
        }
    }

    #[test]
    fn the_bound_that_is_kept_is_said() {
        let schedule = schedule(Some(1000), 100);
        let on_time = schedule.freshness(&snapshot(500), hours(84));
        assert_eq!(
            on_time,
            Freshness {
                promised_days: Thousandths::whole(7),
                kept_days: Thousandths::whole(7),
                snapshot_done: Thousandths::ratio(1, 2)
            }
        );
        let behind = schedule.freshness(&snapshot(250), hours(84));
        assert_eq!(
            behind,
            Freshness {
                promised_days: Thousandths::whole(7),
                kept_days: Thousandths::whole(14),
                snapshot_done: Thousandths::ratio(1, 4)
            }
        );
    }
}
