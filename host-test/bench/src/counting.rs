//! Destinations that count what arrives and forget it.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use connector_runtime::destination::{Batch, Destination, Row};

/// Counts rows, at hardly any cost: what is measured is the way to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowCounter(Arc<AtomicU64>);

impl RowCounter {
    pub(crate) fn rows(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Destination for RowCounter {
    fn begin_snapshot(&mut self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.0.fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn end_snapshot(&mut self, _: &str, _: &[Row]) -> Result<()> {
        Ok(())
    }
}

/// Rows, and the sum of their hashes: the same for the same rows in whatever order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) rows: u64,
    hashes: u64,
}

/// Counts rows and takes their digest, to tell whether two runs delivered the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct DigestingDestination(Arc<Mutex<Digest>>);

impl DigestingDestination {
    pub(crate) fn digest(&self) -> Digest {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a page's views were read differs from run to run.
const READ_AT: &str = "read_at";

impl Destination for DigestingDestination {
    fn begin_snapshot(&mut self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut digest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mut row in batch.rows {
            row.remove(READ_AT);
            let row = serde_json::to_string(&row)?;
            let hash = hasher.hash_one((&batch.stream, row));
            digest.hashes = digest.hashes.wrapping_add(hash);
            digest.rows += 1;
        }
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn end_snapshot(&mut self, _: &str, _: &[Row]) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn digest(batches: &[&[&str]]) -> Digest {
        let destination = DigestingDestination::default();
        for rows in batches {
            let row = |row: &&str| serde_json::from_str(row).unwrap();
            let batch = Batch {
                stream: "pages".to_owned(),
                replaces: Vec::new(),
                rows: rows.iter().map(row).collect(),
            };
            destination.clone().write(batch).unwrap();
        }
        destination.digest()
    }

    #[test]
    fn the_same_rows_have_the_same_digest() {
        let one = digest(&[&[r#"{"a":1}"#, r#"{"a":2,"read_at":"now"}"#]]);
        let same = digest(&[&[r#"{"a":2,"read_at":"later"}"#], &[r#"{"a":1}"#]]);
        assert_eq!(one, same);
        assert_ne!(one, digest(&[&[r#"{"a":1}"#, r#"{"a":3}"#]]));
        assert_ne!(one, digest(&[&[r#"{"a":1}"#]]));
    }
}
