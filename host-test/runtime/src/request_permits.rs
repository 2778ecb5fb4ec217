//! Requests in flight that an operator permits: a number that may change while they are sent, and that expires.
//!
//! Several processes may share the limit of a service. Each is permitted a part of it for a while, and sends nothing
//! more once the while is over: by then the part may be somebody else's.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long there is no expiry: an instant has to be some number of seconds away.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 30);

/// How many requests may be in flight. Clones share them.
#[derive(Debug, Clone)]
pub struct RequestPermits(Arc<watch::Sender<State>>);

#[derive(Debug)]
struct State {
    limit: usize,
    in_flight: usize,
    expires_at: Instant,
}

impl State {
    fn has_room(&self) -> bool {
        self.in_flight < self.limit && Instant::now() < self.expires_at
    }
}

/// One request in flight; its place is given back when this is dropped.
#[derive(Debug)]
pub struct RequestPermit(RequestPermits);

impl RequestPermits {
    /// So many permits, without an expiry until one is set.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(watch::Sender::new(State {
            limit,
            in_flight: 0,
            expires_at: Instant::now() + FOREVER,
        })))
    }

    /// Sets how many requests may be in flight from now on, until an instant. Requests that are in flight already stay.
    pub fn set(&self, limit: usize, expires_at: Instant) {
        self.0.send_modify(|state| {
            state.limit = limit;
            state.expires_at = expires_at;
        });
    }

    /// Requests that are in flight, or may be at any moment.
    #[must_use]
    pub fn in_use(&self) -> usize {
        let state = self.0.borrow();
        state.limit.max(state.in_flight)
    }

    /// Waits until no more requests are in flight than may be.
    pub async fn settled(&self) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as this.
        let _ = changes
            .wait_for(|state| state.in_flight <= state.limit)
            .await;
    }

    /// Waits until one more request may be sent.
    pub async fn acquire(&self) -> RequestPermit {
        let mut changes = self.0.subscribe();
        loop {
            let mut taken = false;
            self.0.send_if_modified(|state| {
                taken = state.has_room();
                state.in_flight += usize::from(taken);
                false
            });
            if taken {
                return RequestPermit(self.clone());
            }
            let _ = changes.changed().await;
        }
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        let RequestPermits(state) = &self.0;
        state.send_modify(|state| state.in_flight = state.in_flight.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    fn later() -> Instant {
        Instant::now() + FOREVER
    }

    #[tokio::test]
    async fn no_more_are_in_flight_than_permitted() {
        let permits = RequestPermits::new(1);
        let first = permits.acquire().await;
        assert!(timeout(MOMENT, permits.acquire()).await.is_err());
        permits.set(2, later());
        let second = permits.acquire().await;
        permits.set(1, later());
        assert_eq!(permits.in_use(), 2, "both are still in flight");
        assert!(timeout(MOMENT, permits.settled()).await.is_err());
        drop(first);
        permits.settled().await;
        assert_eq!(permits.in_use(), 1);
        assert!(timeout(MOMENT, permits.acquire()).await.is_err());
        drop(second);
        permits.acquire().await;
    }

    #[tokio::test]
    async fn nothing_is_sent_once_the_permits_have_expired() {
        let permits = RequestPermits::new(1);
        drop(permits.acquire().await);
        permits.set(1, Instant::now());
        assert!(timeout(MOMENT, permits.acquire()).await.is_err());
        permits.set(1, later());
        permits.acquire().await;
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_by_each_change() {
        let permits = RequestPermits::new(0);
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { drop(permits.acquire().await) }
        });
        tokio::task::yield_now().await;
        permits.set(1, later());
        assert!(waiting.await.is_ok());
    }
}
