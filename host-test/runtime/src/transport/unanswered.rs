//! What a server sends that answers nothing: bounded for each connection.
//!
//! Interim answers (1xx), window updates, priorities, pings and settings cost the host work and the server
//! nothing. What is read is counted against what comes of it: the heads and bodies of answers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be read without an answer: what the window of an HTTP/2 connection holds, with some room.
pub(crate) const LIMIT: u64 = 8 << 20;
/// Bytes without an answer after which a connection is read slowly: more than what is read ahead of a guest that keeps
/// up with it.
const FULL_PACE: u64 = 512 << 10;
/// Bytes that the head of an answer may take.
const HEAD: u64 = 128 << 10;
/// What a read costs at least: many small ones are as much work as a large one.
const READ: u64 = 64;

/// Heads over HTTP/2 that may be read without an answer: more than the answers under way, with an interim one for some.
const MAX_HEADS: u64 = 256;

/// Bytes read since something came of them, and heads.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    bytes: AtomicU64,
    heads: AtomicU64,
}

/// How a connection is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadRate {
    /// As fast as it brings something.
    Full,
    /// In pieces, with pauses between them.
    Slow,
}

/// More than may be read.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server sent more than {} KiB or {MAX_HEADS} heads that answer nothing", LIMIT >> 10)]
pub(crate) struct Flood;

impl Unanswered {
    /// Bytes were read.
    pub(super) fn read(&self, bytes: usize) -> Result<ReadRate, Flood> {
        let bytes = (bytes as u64).max(READ);
        let unanswered = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match unanswered {
            0..FULL_PACE => Ok(ReadRate::Full),
            FULL_PACE..=LIMIT => Ok(ReadRate::Slow),
            _ => Err(Flood),
        }
    }

    /// Bytes that were read and that nothing came of so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Heads were read, decoded or not.
    pub(super) fn heads_read(&self, heads: u64) -> Result<(), Flood> {
        let unanswered = self.heads.fetch_add(heads, Ordering::Relaxed) + heads;
        if unanswered > MAX_HEADS {
            return Err(Flood);
        }
        Ok(())
    }

    /// The head of an answer came; its trailers may follow.
    pub(super) fn head_came(&self) {
        subtract(&self.bytes, HEAD);
        subtract(&self.heads, 2);
    }

    /// So many bytes of a body came. Twice as many were read at most: frames and TLS take the rest.
    pub(super) fn body_came(&self, bytes: usize) {
        subtract(&self.bytes, 2 * bytes as u64 + READ);
    }
}

fn subtract(counter: &AtomicU64, number: u64) {
    let subtracted = |count: u64| Some(count.saturating_sub(number));
    let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtracted);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_pay_for_what_was_read() {
        let unanswered = Unanswered::default();
        for _ in 0..1_000 {
            assert_eq!(unanswered.read(100_000).unwrap(), ReadRate::Full);
            unanswered.body_came(90_000);
        }
        for number in 0..80 {
            let pace = unanswered.read(100_000).unwrap();
            assert_eq!(pace == ReadRate::Full, number < 5, "{number}");
        }
        assert!((0..10).any(|_| unanswered.read(100_000).is_err()));
    }

    #[test]
    fn small_reads_are_not_free() {
        let unanswered = Unanswered::default();
        assert!((0..=LIMIT / READ).any(|_| unanswered.read(1).is_err()));
    }
}
