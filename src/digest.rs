//! A digest of a set of rows in 1 KiB: tells which rows may have changed since another digest was made.
//!
//! Whether archiving or trashing a page makes a version is not documented, so the order by modification may
//! not show it. An incremental run lists what is put away (250 rows a request, no details) and delivers the
//! rows of those buckets alone whose digest differs.

use std::hash::{DefaultHasher, Hasher};

use serde::Serialize;

use crate::api::page::PageRow;

const BUCKETS: usize = 256;
/// Hexadecimal digits of a bucket.
const WORD: usize = 8;

/// For each bucket of ids, the exclusive or of the hashes of its rows.
///
/// Two sets that differ in a bucket have the same digest with a probability of 2⁻³².
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Digest([u32; BUCKETS]);

impl Default for Digest {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        let mut text = Self::with_capacity(BUCKETS * WORD);
        for bucket in digest.0 {
            let digits = (0..WORD).rev().map(|digit| bucket >> (4 * digit) & 0xf);
            text.extend(digits.filter_map(|digit| char::from_digit(digit, 16)));
        }
        text
    }
}

impl Digest {
    /// Reads what was written; nothing where it is no digest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = Self::default();
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
    hasher.write(&serde_json::to_vec(page).unwrap_or_default());
    hasher.finish().cast_signed()
}
