//! A digest of a set of rows in 2 KiB: tells which rows may have changed since another digest was made.
//!
//! Whether archiving or trashing a page makes a version is not documented, so the order by modification may
//! not show it. An incremental run lists what is put away (250 rows a request, no details) and delivers the
//! rows of those buckets alone whose digest differs.

use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

use crate::api::page::PageRow;
use crate::json::ToJson as _;

const BUCKETS: usize = 256;
/// Hexadecimal digits of a bucket.
const WORD: usize = 8;

/// For each bucket of ids, the exclusive or of the hashes of its rows, as eight hexadecimal digits: it is written
/// far more often than it changes. Nothing at all for no rows at all.
///
/// Two sets that differ in a bucket have the same digest with a probability of 2⁻³².
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// Reads what was written; nothing where it is no digest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.is_empty() || text.len() == BUCKETS * WORD;
        let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (fits && digits).then(|| Self(text.to_owned()))
    }

    /// Writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a row, or takes out one that was added.
    pub fn toggle(&mut self, page: &PageRow) {
        if self.0.is_empty() {
            self.0 = "0".repeat(BUCKETS * WORD);
        }
        let place = place(page);
        let before = self
            .0
            .get(place.clone())
            .and_then(|word| u32::from_str_radix(word, 16).ok());
        let hash = u32::try_from(hash(page).cast_unsigned() >> 32).unwrap_or_default();
        let word = before.unwrap_or_default() ^ hash;
        self.0.replace_range(place, &format!("{word:08x}"));
    }

    /// Whether the bucket of this row differs from that of another digest.
    #[must_use]
    pub fn differs(&self, other: &Self, page: &PageRow) -> bool {
        let word = |digest: &Self| {
            digest
                .0
                .get(place(page))
                .map_or(0, |word| u32::from_str_radix(word, 16).unwrap_or_default())
        };
        word(self) != word(other)
    }
}

/// Where the bucket of this row stands in the text.
fn place(page: &PageRow) -> Range<usize> {
    let mut hasher = DefaultHasher::new();
    hasher.write(page.source_id.as_bytes());
    let bucket = usize::try_from(hasher.finish() % BUCKETS as u64).unwrap_or_default();
    bucket * WORD..(bucket + 1) * WORD
}

/// A hash of the whole row. It may change with the compiler that built the component: rows then come again.
#[must_use]
pub fn hash(page: &PageRow) -> i64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(page.to_json().as_bytes());
    hasher.finish().cast_signed()
}
