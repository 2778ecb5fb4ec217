//! The versions of a made-up site's pages, at times that are all different.

use fastrand::Rng;
use jiff::Timestamp;

use super::corpus::{Page, User, Version};

/// 2023-10-01T00:00:00Z in milliseconds.
const START: i64 = 1_696_118_400_000;
/// The three years up to 2026-10-01T00:00:00Z in milliseconds.
const SPAN: i64 = 1_096 * 86_400_000;
/// Accounts that write and that users-bulk does not know.
const UNKNOWN_ACCOUNTS: [&str; 3] = [
    "5b10a2844c20165700ghost1",
    "712020:00000000-0000-4000-8000-00000000dead",
    "qm:anonymous-ghost",
];

/// Gives out times that are all different: milliseconds with a remainder that is used once.
pub(super) struct TimestampAllocator {
    /// How many times there are to give out.
    total: i64,
    /// How many were given out.
    given: i64,
}

impl TimestampAllocator {
    /// A clock that gives out at most this many times.
    pub(super) fn new(total: usize) -> Self {
        Self {
            total: i64::try_from(total).unwrap_or(i64::MAX).max(1),
            given: 0,
        }
    }

    /// The time in this slot of `0..slots()`; of two times in one slot the later call is the later time.
    pub(super) fn at(&mut self, slot: i64) -> String {
        let moment = START + slot * self.total + self.given;
        self.given += 1;
        Timestamp::from_millisecond(moment)
            .map(|moment| written(moment, true))
            .unwrap_or_default()
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> i64 {
        SPAN / self.total
    }
}

/// A time as the service writes it: mostly with milliseconds, at times without (measured).
pub(super) fn written(time: Timestamp, with_milliseconds: bool) -> String {
    if with_milliseconds {
        format!("{time:.3}")
    } else {
        format!("{time:.0}")
    }
}

/// The same time without its milliseconds.
fn whole_second(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => written(time, false),
        Err(_) => time.to_owned(),
    }
}

/// Mostly one to four versions; some dozens; three pages beyond any page of a listing.
pub(super) fn version_count(rng: &mut Rng, index: usize, count: usize) -> usize {
    for (part, length) in [(1, 251), (2, 400), (3, 700)] {
        if count >= 4 && index == count * part / 4 {
            return length;
        }
    }
    if rng.u8(..100) < 4 {
        rng.usize(5..30)
    } else {
        rng.usize(1..=4)
    }
}

/// Makes so many versions of a page that was made in the slot `born`.
pub(super) fn versions(
    rng: &mut Rng,
    clock: &mut TimestampAllocator,
    users: &[User],
    born: i64,
    page: &Page,
    length: usize,
) -> Vec<Version> {
    let slots = clock.slots();
    let mut moments: Vec<i64> = (1..length)
        .map(|_| rng.i64(born + 1..slots.max(born + 2)))
        .collect();
    moments.sort_unstable();
    let later: Vec<String> = moments.into_iter().map(|slot| clock.at(slot)).collect();
    let times = std::iter::once(page.created_at.clone()).chain(later);
    let mut made = Vec::with_capacity(length);
    for (number, created_at) in (1..).zip(times) {
        let created_at = if number % 7 == 3 {
            whole_second(&created_at)
        } else {
            created_at
        };
        let author_id = if number == 1 {
            page.author_id.clone()
        } else {
            author(rng, users)
        };
        let message = match rng.u8(..10) {
            0 => None,
            1 => Some("typo – “fixed”".to_owned()),
            _ => Some(String::new()),
        };
        made.push(Version {
            number,
            created_at,
            message,
            minor_edit: rng.u8(..5) == 0,
            author_id,
        });
    }
    made
}

/// Mostly somebody known, sometimes nobody, sometimes somebody users-bulk leaves out.
fn author(rng: &mut Rng, users: &[User]) -> Option<String> {
    match rng.u16(..200) {
        0 => None,
        1 | 2 => rng.choice(UNKNOWN_ACCOUNTS).map(str::to_owned),
        _ => rng.choice(users).map(|user| user.account_id.clone()),
    }
}
