//! How fast what brings nothing but work may go on: connections without answers, requests and calls that fail.
//!
//! Such a connection is read in small pieces, with a pause after each, and what failed ends with one. The pause grows
//! with the number of those that the tenant has, so that all of them together bring as much work as one. A pause,
//! unlike a task that yields, also gives the executor the time to see what comes over the connections of others: while
//! tasks are ready it looks for that only now and then.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// How long one pauses where the tenant has no other: with pieces of 16 KiB a connection is read at 4 MiB/s.
const SHORTEST: Duration = Duration::from_millis(4);

/// Bytes that a pause pays for: those of a piece.
const PIECE: u64 = 16 << 10;
/// Bytes of debt that are not paid: a connection may break without making the next one slow.
const CREDIT: u64 = 128 << 10;
/// The most that a tenant owes: two seconds of pauses.
const MAX_DEBT: u64 = 8 << 20;

/// Counts what pauses of one tenant, and what it owes. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pacer(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    paused: AtomicU32,
    debt: AtomicU64,
}

impl Pacer {
    /// One more connection, request or call pauses.
    pub(crate) fn pause(&self) -> Pause {
        let others = self.0.paused.fetch_add(1, Ordering::Relaxed);
        self.change_debt(|debt| debt.saturating_sub(PIECE));
        Pause {
            sleep: Box::pin(tokio::time::sleep(SHORTEST * others.saturating_add(1))),
            pacer: self.clone(),
        }
    }

    /// A connection has ended that brought so many bytes for nothing.
    pub(crate) fn owe(&self, bytes: u64) {
        self.change_debt(|debt| debt.saturating_add(bytes).min(MAX_DEBT));
    }

    /// Whether connections have to pause because of those before them.
    pub(crate) fn is_in_debt(&self) -> bool {
        self.0.debt.load(Ordering::Relaxed) > CREDIT
    }

    fn change_debt(&self, change: impl Fn(u64) -> u64) {
        let changed = |debt| Some(change(debt));
        let _ = self
            .0
            .debt
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
    }
}

/// A connection, request or call that pauses.
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
        self.pacer.0.paused.fetch_sub(1, Ordering::Relaxed);
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

    #[tokio::test]
    async fn pauses_pay_what_connections_brought_for_nothing() {
        let pacer = Pacer::default();
        pacer.owe(CREDIT);
        assert!(!pacer.is_in_debt(), "a connection may break");
        pacer.owe(2 * PIECE);
        assert!(pacer.clone().is_in_debt() && !Pacer::default().is_in_debt());
        drop(pacer.pause());
        assert!(pacer.is_in_debt());
        drop(pacer.pause());
        assert!(!pacer.is_in_debt());
        pacer.owe(u64::MAX);
        let pauses = std::iter::repeat_with(|| drop(pacer.pause()));
        let paid = pauses.take_while(|()| pacer.is_in_debt()).count();
        assert_eq!(paid as u64, (MAX_DEBT - CREDIT) / PIECE - 1);
    }
}
