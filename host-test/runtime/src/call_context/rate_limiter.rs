//! Back-pressure by rate.

use std::time::{Duration, Instant};

/// Back-pressure: a guest that delivers faster than allowed waits before the next batch.
#[derive(Debug)]
pub(super) struct RateLimiter {
    rows_per_second: u32,
    /// Until when the rows taken so far are paid for.
    paid: Instant,
}

impl RateLimiter {
    pub(super) fn new(rows_per_second: u32) -> Self {
        Self {
            rows_per_second: rows_per_second.max(1),
            paid: Instant::now(),
        }
    }

    pub(super) async fn throttle(&mut self, rows: usize) {
        let now = Instant::now();
        // An empty batch is not free: whoever sends nothing else would never wait.
        let rows = u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
        let price = Duration::from_secs_f64(f64::from(rows) / f64::from(self.rows_per_second));
        // Even a sleep of nothing lasts until the timer's next millisecond.
        if self.paid > now {
            tokio::time::sleep_until(self.paid.into()).await;
        }
        self.paid = self.paid.max(now) + price;
    }
}
