//! One site split over several runs, each of which reads spaces of its own: for sites that one machine would
//! read too slowly.
//!
//! A split is by space because that is what the service lists by. It holds for the spaces that were there: one
//! that is made later belongs to no shard, and one that goes makes its shard's config invalid. Then it takes a
//! new split; the shards' states are of the old one and are left behind with it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use connector_runtime::output::{Batch, Output};

#[cfg(test)]
mod tests;

/// The streams to read in full for a [`Census`]: listings alone, no details.
pub const STREAMS: [&str; 2] = ["spaces", "pages"];

/// A space and what it weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Its key. An alias would do for the service, but can be given to another space.
    pub key: String,
    /// Pages whose details are read. Those in the trash have none, and weigh nothing.
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

/// Counts the pages of each space, and keeps nothing else of what it is given.
#[derive(Debug, Clone, Default)]
pub struct Census(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    /// The keys of the spaces, by id.
    spaces: BTreeMap<String, Option<String>>,
    /// The pages, by the id of their space.
    pages: BTreeMap<String, u64>,
}

impl Census {
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

impl Output for Census {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        #[derive(Deserialize)]
        struct SpaceRow {
            source_id: String,
            external_key: Option<String>,
        }
        #[derive(Deserialize)]
        struct PageRow {
            space_id: Option<String>,
            status: Option<String>,
        }
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in &batch.rows {
            if batch.stream == "spaces" {
                let SpaceRow {
                    source_id,
                    external_key,
                } = serde_json::from_str(row)?;
                counted.spaces.insert(source_id, external_key);
            } else if batch.stream == "pages" {
                let PageRow { space_id, status } = serde_json::from_str(row)?;
                let weight = u64::from(status.as_deref() != Some("trashed"));
                let space = space_id.context("a page names no space")?;
                *counted.pages.entry(space).or_default() += weight;
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn finished(&mut self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
}
