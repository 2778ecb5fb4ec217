//! One site split over several runs, each of which reads spaces of its own: for sites that one machine would read too
//! slowly.
//!
//! The service lists by space, so a site is split by space. A space that is made later belongs to no shard, and one that
//! is deleted makes its shard's config invalid: then a new split is needed. The states of the old shards are of no use
//! to the new ones.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use connector_runtime::destination::{Batch, Destination, Row};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// The streams to read in full for a [`PageCounts`]: listings alone, no details.
pub const STREAMS: [&str; 2] = ["spaces", "pages"];

/// A space and the pages in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Its key. An alias would do for the service, but can be given to another space.
    pub key: String,
    /// Pages whose details are read: not those in the trash.
    pub pages: u64,
}

/// The spaces of one run, never none: no spaces in a config would mean all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shard {
    /// Their keys.
    pub spaces: Vec<String>,
    /// Their pages, those in the trash not counted.
    pub pages: u64,
}

/// Splits spaces into at most `wanted` shards, of which none is empty: each space, the largest first, goes where
/// there are the fewest pages so far. No shard is then heavier than the lightest by more than its last space.
#[must_use]
pub fn split(mut spaces: Vec<Space>, wanted: NonZeroUsize) -> Vec<Shard> {
    spaces.sort_by(|a, b| (Reverse(a.pages), &a.key).cmp(&(Reverse(b.pages), &b.key)));
    let mut shards = vec![Shard::default(); wanted.get().min(spaces.len())];
    for space in spaces {
        let lightest = shards
            .iter_mut()
            .min_by_key(|shard| (shard.pages, shard.spaces.len()));
        if let Some(shard) = lightest {
            shard.pages += space.pages;
            shard.spaces.push(space.key);
        }
    }
    shards
}

/// A destination that counts the pages of each space and keeps nothing else.
#[derive(Debug, Clone, Default)]
pub struct PageCounts(Arc<Mutex<CountedRows>>);

#[derive(Debug, Default)]
struct CountedRows {
    /// The keys of the spaces, by id.
    spaces: BTreeMap<String, Option<String>>,
    /// Pages other than those in the trash, by the id of their space.
    pages: BTreeMap<String, u64>,
    /// Versions of all pages, as far as their numbers tell.
    versions: u64,
}

impl PageCounts {
    /// Versions of all pages, as far as their numbers tell.
    #[must_use]
    pub fn versions(&self) -> u64 {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.versions
    }

    /// Pages other than those in the trash.
    #[must_use]
    pub fn pages(&self) -> u64 {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.pages.values().sum()
    }

    /// The spaces with their pages.
    ///
    /// # Errors
    ///
    /// A page would be in no shard: its space is not listed, or has no key.
    pub fn spaces(&self) -> Result<Vec<Space>> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, pages) in &counted.pages {
            ensure!(
                counted.spaces.contains_key(id),
                "{pages} pages are in the space {id}, which is not listed, so that no shard would read them; \
                 if it was just made, plan again"
            );
        }
        let space = |(id, key): (&String, &Option<String>)| {
            Ok(Space {
                key: key
                    .clone()
                    .with_context(|| format!("the space {id} has no key"))?,
                pages: counted.pages.get(id).copied().unwrap_or_default(),
            })
        };
        counted.spaces.iter().map(space).collect()
    }
}

impl Destination for PageCounts {
    fn begin_snapshot(&mut self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in &batch.rows {
            match batch.stream.as_str() {
                "spaces" => counted.add_space(row)?,
                "pages" => counted.add_page(row)?,
                _ => {}
            }
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

impl CountedRows {
    fn add_space(&mut self, row: &Row) -> Result<()> {
        let id = text(row, "source_id").context("a space has no id")?;
        self.spaces.insert(id, text(row, "external_key"));
        Ok(())
    }

    fn add_page(&mut self, row: &Row) -> Result<()> {
        let space = text(row, "space_id").context("a page names no space")?;
        let weight = u64::from(text(row, "status").as_deref() != Some("trashed"));
        *self.pages.entry(space).or_default() += weight;
        let number = row.get("version_number").and_then(Value::as_u64);
        self.versions = self.versions.saturating_add(number.unwrap_or_default());
        Ok(())
    }
}

fn text(row: &Row, column: &str) -> Option<String> {
    row.get(column)?.as_str().map(str::to_owned)
}
