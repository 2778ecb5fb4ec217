//! How fast connections may be read that bring nothing but work.
//!
//! Such a connection is read in small pieces, with a pause after each. The pause grows with the number of those that
//! the tenant has, so that all of them together bring as much work as one. A pause, unlike a task that yields, also
//! gives the executor the time to see what comes over the connections of others: while tasks are ready it looks for
//! that only now and then.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// How long one connection pauses where the tenant has no other: with pieces of 16 KiB that is 4 MiB/s.
const SHORTEST: Duration = Duration::from_millis(4);

/// Counts the connections of one tenant that pause. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pacer(Arc<AtomicU32>);

impl Pacer {
    /// One more connection pauses.
    pub(crate) fn pause(&self) -> Pause {
        let others = self.0.fetch_add(1, Ordering::Relaxed);
        Pause {
            sleep: Box::pin(tokio::time::sleep(SHORTEST * others.saturating_add(1))),
            pacer: self.clone(),
        }
    }
}

/// A connection that pauses.
pub(crate) struct Pause {
    sleep: Pin<Box<Sleep>>,
    pacer: Pacer,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(context)
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.pacer.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn the_more_pause_the_longer_they_do() {
        let pacer = Pacer::default();
        let begun = Instant::now();
        let lasts = |pause: &Pause| pause.sleep.deadline().duration_since(begun);
        let others: Vec<_> = (0..499).map(|_| pacer.clone().pause()).collect();
        assert!(lasts(&pacer.pause()) >= 500 * SHORTEST);
        drop(others);
        assert!(lasts(&pacer.pause()) < 500 * SHORTEST);
        assert!(lasts(&Pacer::default().pause()) < 500 * SHORTEST);
    }
}
