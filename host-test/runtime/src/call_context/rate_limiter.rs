//! Back-pressure by rate.

use std::time::{Duration, Instant};

/// What may be taken before it is paid for. A timer counts in whole milliseconds: who keeps to the rate on average would
/// wait for its next one after whatever came a moment too early.
const CREDIT: Duration = Duration::from_millis(50);

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
        let wait = self.take(rows, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes rows, and how long to wait for them.
    fn take(&mut self, rows: usize, now: Instant) -> Duration {
        // An empty batch is not free: whoever sends nothing else would never wait.
        let rows = u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
        let price = Duration::from_secs_f64(f64::from(rows) / f64::from(self.rows_per_second));
        let wait = self.paid.saturating_duration_since(now + CREDIT);
        self.paid = self.paid.max(now) + price;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that it takes to take `rows` rows one by one, each `pause` after the one before.
    fn seconds(limiter: &mut RateLimiter, rows: u32, pause: Duration) -> f64 {
        let begun = Instant::now();
        let mut now = begun;
        for _ in 0..rows {
            now += limiter.take(1, now);
            now += pause;
        }
        now.duration_since(begun).as_secs_f64()
    }

    #[test]
    fn who_delivers_faster_than_the_rate_is_held_to_it() {
        let taken = seconds(&mut RateLimiter::new(500), 2_000, Duration::ZERO);
        assert!((3.9..=4.0).contains(&taken), "{taken}");
    }

    #[test]
    fn who_keeps_to_the_rate_on_average_never_waits() {
        let mut limiter = RateLimiter::new(500);
        for _ in 0..100 {
            // Twenty at once, then none for as long as they take.
            assert!(seconds(&mut limiter, 20, Duration::ZERO) < 1e-9);
            limiter.paid -= Duration::from_millis(40);
        }
    }

    #[test]
    fn an_empty_delivery_is_not_free() {
        let mut limiter = RateLimiter::new(10);
        let now = Instant::now();
        let waits: Duration = (0..10)
            .map(|_| limiter.take(0, now))
            .max()
            .unwrap_or_default();
        assert!(waits > Duration::from_millis(800), "{waits:?}");
    }
}
