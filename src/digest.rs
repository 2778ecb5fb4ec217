//! A digest of a set of rows in 1 KiB: tells which rows may have changed since another digest was made.
//!
//! Whether archiving or trashing a page makes a version is not documented, so the order by modification may
//! not show it. An incremental run lists what is put away (250 rows a request, no details) and delivers the
//! rows of those buckets alone whose digest differs.

use std::hash::{DefaultHasher, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::api::page::PageRow;

const BUCKETS: usize = 256;

/// For each bucket of ids, the exclusive or of the hashes of its rows.
///
/// Two sets that differ in a bucket have the same digest with a probability of 2⁻³².
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u32; BUCKETS]);

impl Default for Digest {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = BASE64
            .decode(text)
            .map_err(|_| "a digest in other letters")?;
        let (words, rest) = bytes.as_chunks();
        if words.len() != BUCKETS || !rest.is_empty() {
            return Err("a digest of another size");
        }
        let mut digest = Self::default();
        for (bucket, word) in digest.0.iter_mut().zip(words) {
            *bucket = u32::from_le_bytes(*word);
        }
        Ok(digest)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        BASE64.encode(digest.0.map(u32::to_le_bytes).as_flattened())
    }
}

impl Digest {
    /// Adds a row, or takes out one that was added.
    pub fn toggle(&mut self, page: &PageRow) {
        if let Some(bucket) = self.0.get_mut(bucket(page)) {
            let hash = hash(page);
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
pub fn hash(page: &PageRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(&serde_json::to_vec(page).unwrap_or_default());
    hasher.finish()
}
