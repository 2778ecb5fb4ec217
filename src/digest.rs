//! A digest of a set of rows in 1 KiB: tells which rows may have changed since another digest was made.
//!
//! Whether archiving or trashing a page makes a version is not documented, so the order by modification may
//! not show it. An incremental run lists what is put away (250 rows a request, no details) and delivers the
//! rows of those buckets alone whose digest differs.

use std::hash::{DefaultHasher, Hasher};

use crate::api::page::PageRow;
use crate::json::ToJson as _;

const BUCKETS: usize = 256;
/// Hexadecimal digits of a bucket.
const WORD: usize = 8;

/// For each bucket of ids, the exclusive or of the hashes of its rows.
///
/// Two sets that differ in a bucket have the same digest with a probability of 2⁻³².
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest([u32; BUCKETS]);

impl Default for Digest {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Digest {
    /// Writes it: eight hexadecimal digits a bucket, or nothing for no rows at all.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.0.iter().all(|bucket| *bucket == 0) {
            return String::new();
        }
        let digits = self.0.iter().flat_map(|bucket| bucket.to_be_bytes());
        let digits = digits.flat_map(|byte| [byte >> 4, byte & 0xf]);
        let letters = digits.map(|digit| {
            if digit < 10 {
                b'0' + digit
            } else {
                b'a' - 10 + digit
            }
        });
        String::from_utf8(letters.collect()).unwrap_or_default()
    }

    /// Reads what was written; nothing where it is no digest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = Self::default();
        if text.is_empty() {
            return Some(digest);
        }
        let (words, rest) = text.as_bytes().as_chunks::<WORD>();
        if words.len() != BUCKETS || !rest.is_empty() {
            return None;
        }
        for (bucket, word) in digest.0.iter_mut().zip(words) {
            for &letter in word {
                *bucket = *bucket << 4 | char::from(letter).to_digit(16)?;
            }
        }
        Some(digest)
    }

    /// Adds a row, or takes out one that was added.
    pub fn toggle(&mut self, page: &PageRow) {
        if let Some(bucket) = self.0.get_mut(bucket(page)) {
            let hash = hash(page).cast_unsigned();
            *bucket ^= u32::try_from(hash >> 32).unwrap_or_default();
        }
    }

    /// Whether the bucket of this row differs from that of another digest.
    #[must_use]
    pub fn differs(&self, other: &Self, page: &PageRow) -> bool {
        let bucket = bucket(page);
        self.0.get(bucket) != other.0.get(bucket)
    }
}

fn bucket(page: &PageRow) -> usize {
    let mut hasher = DefaultHasher::new();
    hasher.write(page.source_id.as_bytes());
    usize::try_from(hasher.finish() % BUCKETS as u64).unwrap_or_default()
}

/// A hash of the whole row. It may change with the compiler that built the component: rows then come again.
#[must_use]
pub fn hash(page: &PageRow) -> i64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(page.to_json().as_bytes());
    hasher.finish().cast_signed()
}
