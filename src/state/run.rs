//! What a state holds of runs and snapshots that are not finished.

use serde::{Deserialize, Serialize};

use super::digest::StableHash;
use super::id_sketch::IdSketch;
use super::position::Position;
use super::recent::RecentRows;
use super::stream_set::StreamSet;
use crate::timestamp::Timestamp;

/// A snapshot that spans incremental runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// The streams that were read from its beginning on, and can be closed at its end.
    pub streams: StreamSet,
    /// When it began, by the service's clock.
    pub started: Timestamp,
    /// Where it goes on.
    pub position: Position,
    /// The pages that it has read.
    pub pages: u64,
    /// The ids of those pages: what is purged behind its position is found by them.
    #[serde(default)]
    pub listed: IdSketch,
    /// The id of the last of them.
    #[serde(default)]
    pub last_listed: Option<u64>,
    /// Ids of pages that changes have delivered ahead of its position, in order.
    #[serde(default)]
    pub delivered: Vec<u64>,
}

/// A full run that closed its snapshot and spared the pages that it set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spared {
    /// The plan of that run.
    pub plan: StableHash,
    /// The streams of its snapshot.
    pub streams: StreamSet,
}

/// A run under way: what it has delivered, and where it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What the run reads, as a hash: another selection or another set of spaces begins afresh.
    pub plan: StableHash,
    /// Whether all pages are listed because the order by modification could not be trusted.
    pub full_listing: bool,
    /// When it began, by the service's clock.
    pub started: Timestamp,
    /// Where it goes on.
    pub position: Position,
    /// Accounts seen and not yet looked up.
    pub accounts: Vec<String>,
    /// The newest modification seen.
    pub newest: Option<Timestamp>,
    /// The newest rows that it delivered.
    pub recent: RecentRows,
    /// Whether anything at all was listed.
    pub any_row_seen: bool,
    /// Pages that vanished between their listing and their details, not yet confirmed.
    pub vanished: Vec<String>,
    /// The pages that it has read.
    pub pages: u64,
    /// The streams whose snapshot it began and can close.
    pub closable: StreamSet,
    /// The streams whose endpoint failed for every page: their watermarks stay.
    pub stalled: StreamSet,
    /// Rows that could not be delivered because they have no key.
    pub rows_without_key: u64,
}
