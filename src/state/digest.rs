//! A named, stable hash, and a digest of a set of rows in 2 KiB that tells which rows may have changed.
//!
//! Whether archiving or trashing a page makes a version is not documented, so the order by modification may
//! not show it. An incremental run lists the archived and trashed pages (250 rows a request, no details) and
//! delivers only the rows of those buckets whose digest differs.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const BUCKETS: usize = 256;
/// Hexadecimal digits of a bucket.
const WORD: usize = 8;

/// A 64-bit FNV-1a hash. It is kept in states, so it must not change with the compiler, as the hashes of std may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StableHash(u64);

impl StableHash {
    /// The hash of no bytes: FNV's offset basis.
    pub const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::EMPTY.and(bytes)
    }

    /// The hash of what was hashed so far followed by `bytes`.
    #[must_use]
    pub fn and(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(self.0, step))
    }

    /// The hash of what was hashed so far followed by a text and its end.
    #[must_use]
    pub fn and_text(self, text: &str) -> Self {
        self.and(text.as_bytes()).and(&[0xff])
    }

    /// The hash of what was hashed so far followed by texts, whatever their order.
    #[must_use]
    pub fn and_any_order(self, texts: impl Iterator<Item = String>) -> Self {
        let hashes = texts.map(|text| Self::of(text.as_bytes()).0);
        self.and(&hashes.fold(0, u64::wrapping_add).to_le_bytes())
    }
}

impl Default for StableHash {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for StableHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for StableHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for StableHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = u64::from_str_radix(&text, 16);
        hash.map(Self).map_err(|_| de::Error::custom("not a hash"))
    }
}

/// For each bucket of ids, the exclusive or of the hashes of its rows, as eight hexadecimal digits. It is kept as
/// text because it is written far more often than it changes. Empty for no rows.
///
/// Two sets that differ in a bucket have the same digest with a probability of 2⁻³².
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits = text.is_empty() || text.len() == BUCKETS * WORD;
        if fits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text))
        } else {
            Err(de::Error::custom("not a digest"))
        }
    }
}

impl Digest {
    /// Adds the row `id` with the hash `row`, or takes it out if it was added before.
    pub fn toggle(&mut self, id: &str, row: StableHash) {
        if self.0.is_empty() {
            self.0 = "0".repeat(BUCKETS * WORD);
        }
        let bucket = bucket(id);
        let upper = u32::try_from(row.0 >> 32).unwrap_or_default();
        let word = self.word(bucket.clone()) ^ upper;
        self.0.replace_range(bucket, &format!("{word:08x}"));
    }

    /// Whether the bucket of the row `id` differs from that of another digest.
    #[must_use]
    pub fn differs(&self, other: &Self, id: &str) -> bool {
        self.word(bucket(id)) != other.word(bucket(id))
    }

    fn word(&self, bucket: Range<usize>) -> u32 {
        let word = self.0.get(bucket);
        word.map_or(0, |word| u32::from_str_radix(word, 16).unwrap_or_default())
    }
}

/// Where the bucket of a row stands in the text.
fn bucket(id: &str) -> Range<usize> {
    let hash = StableHash::of(id.as_bytes()).0;
    // The low byte of FNV-1a depends on the last byte of its input alone in part: fold the upper half into it.
    let bucket = usize::try_from((hash ^ (hash >> 32)) % BUCKETS as u64).unwrap_or_default();
    bucket * WORD..(bucket + 1) * WORD
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of the authors of FNV: a state must be read by every later build.
    #[test]
    fn the_hash_is_fnv_1a() {
        for (text, expected) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(StableHash::of(text.as_bytes()), StableHash(expected));
        }
    }

    #[test]
    fn a_digest_differs_where_a_row_does() {
        let (old, new) = (StableHash::of(b"old"), StableHash::of(b"new"));
        let (mut before, mut after) = (Digest::default(), Digest::default());
        for id in ["1", "2", "3"] {
            before.toggle(id, old);
            after.toggle(id, old);
        }
        assert_eq!(before, after);
        after.toggle("2", old);
        after.toggle("2", new);
        assert!(after.differs(&before, "2"));
        assert!(!after.differs(&before, "3"));
    }
}
