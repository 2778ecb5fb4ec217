//! The newest rows that a finished run delivered, so that the next one need not deliver them again.

use serde::{Deserialize, Serialize};

use super::digest::{Digest, StableHash};
use super::overlapped;
use super::stream_set::StreamSet;
use crate::timestamp::Timestamp;

/// How many of the newest rows are remembered at most: some 35 bytes each, in a state of up to 64 KiB that holds
/// them twice while a run is under way.
const MAX_NEWEST: usize = 200;

/// Rows that need not be delivered again. Without it, every run would deliver the rows within the overlap and all
/// archived and trashed pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentRows {
    /// The streams for which they were delivered.
    pub streams: StreamSet,
    newest: Vec<RecentRow>,
    /// The archived and trashed pages.
    pub archived_or_trashed: Digest,
}

/// One of the newest pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct RecentRow {
    /// Of the whole row, its id included.
    #[serde(rename = "h")]
    hash: StableHash,
    #[serde(rename = "m")]
    modified: Timestamp,
}

impl RecentRows {
    /// No rows yet, of these streams.
    #[must_use]
    pub fn of(streams: StreamSet) -> Self {
        Self {
            streams,
            ..Self::default()
        }
    }

    /// What holds for these streams: everything, or nothing where one of them was not delivered.
    #[must_use]
    pub fn valid_for(&self, streams: StreamSet) -> Self {
        if streams.difference(self.streams).is_empty() {
            self.clone()
        } else {
            Self::default()
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// Whether exactly this row is among the newest.
    #[must_use]
    pub fn contains(&self, row: StableHash) -> bool {
        self.newest.iter().any(|recent| recent.hash == row)
    }

    /// Remembers a row that was modified at this time, and forgets those that the next run won't look at.
    pub fn remember(&mut self, hash: StableHash, modified: Timestamp, newest: Timestamp) {
        let horizon = overlapped(newest);
        if modified < horizon {
            return;
        }
        self.newest.retain(|known| known.modified >= horizon);
        self.newest.push(RecentRow { hash, modified });
        if self.newest.len() > MAX_NEWEST {
            let rows = self.newest.iter().enumerate();
            let oldest = rows.min_by_key(|(_, row)| row.modified);
            if let Some(oldest) = oldest.map(|(index, _)| index) {
                self.newest.swap_remove(oldest);
            }
        }
    }
}
