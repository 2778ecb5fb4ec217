//! What a server sends that answers nothing: bounded.
//!
//! Interim answers (1xx), window updates, priorities, pings and settings cost the host work and the server
//! nothing. What is read is counted against what comes of it: the heads and bodies of answers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be read without an answer: what all windows of a client's connections hold, with some room.
pub(crate) const LIMIT: u64 = 16 << 20;
/// Bytes that the head of an answer may take.
const HEAD: u64 = 128 << 10;

/// Bytes read since something came of them.
#[derive(Debug, Default)]
pub(super) struct Unanswered(AtomicU64);

/// More than that.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server sent more than {} KiB that answer nothing", LIMIT >> 10)]
pub(crate) struct Flood;

impl Unanswered {
    /// Bytes were read.
    pub(super) fn read(&self, bytes: usize) -> Result<(), Flood> {
        let before = self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        if before + bytes as u64 > LIMIT {
            return Err(Flood);
        }
        Ok(())
    }

    /// The head of an answer came.
    pub(super) fn head_came(&self) {
        self.pay(HEAD);
    }

    /// So many bytes of a body came.
    pub(super) fn body_came(&self, bytes: usize) {
        self.pay(2 * bytes as u64);
    }

    fn pay(&self, bytes: u64) {
        let less = |unanswered: u64| Some(unanswered.saturating_sub(bytes));
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_pay_for_what_was_read() {
        let unanswered = Unanswered::default();
        for _ in 0..1_000 {
            unanswered.read(100_000).unwrap();
            unanswered.body_came(90_000);
        }
        for _ in 0..160 {
            unanswered.read(100_000).unwrap();
        }
        assert!((0..10).any(|_| unanswered.read(100_000).is_err()));
    }
}
