//! What a connection remembers between calls: one small JSON text, versioned, bound to its site, with a checksum.
//!
//! It never holds a list of all pages: a watermark for each stream, the position of the run and of the snapshot under
//! way, and what keeps an incremental run cheap and complete: the newest rows delivered, a digest of the archived and
//! trashed pages, the pages that were set aside, and the accounts that are not yet looked up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::stream::Stream;
use crate::timestamp::Timestamp;

mod digest;
mod id_sketch;
mod position;
mod recent;
mod run;
mod set_aside;
mod stream_set;
#[cfg(test)]
mod tests;
mod text_form;

pub use digest::{Digest, StableHash};
pub use id_sketch::IdSketch;
pub use position::{Position, SortKey};
pub use recent::RecentRows;
pub use run::{Refresh, Run, Spared};
pub use set_aside::{MAX_SET_ASIDE, PageSetAside, SetAside};
pub use stream_set::StreamSet;
pub use text_form::Restored;

/// How far an incremental run looks back behind its watermark: equal timestamps, replication lag.
pub const OVERLAP: Duration = Duration::from_mins(10);

/// The state of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The base URL.
    site: String,
    /// The choice of spaces as a hash: thousands of keys would not fit.
    spaces: StableHash,
    /// Up to when each stream is delivered, in milliseconds of the service's clock.
    watermarks: BTreeMap<String, i64>,
    /// The newest rows that the last finished run delivered.
    pub recent: RecentRows,
    /// How many pages the last complete pass over all pages listed.
    pub pages: Option<u64>,
    /// The snapshot that incremental runs have under way.
    pub refresh: Option<Refresh>,
    /// The last snapshot of incremental runs, until its pages are compared with those that exist.
    #[serde(default)]
    pub unverified: Option<Refresh>,
    /// The last full run, if it was complete but for the pages that it set aside.
    pub spared: Option<Spared>,
    /// The pages whose details could not be read.
    pub set_aside: SetAside,
    /// The pages whose details were not read because the configuration skips them.
    pub skipped: Vec<String>,
    /// The run under way.
    pub run: Option<Run>,
}

/// A watermark less the overlap.
#[must_use]
pub fn overlapped(watermark: Timestamp) -> Timestamp {
    watermark.saturating_sub(OVERLAP)
}

impl State {
    /// The state of a connection that has never run.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            site: config.base_url.to_string(),
            spaces: hash_of_choice(config),
            watermarks: BTreeMap::new(),
            recent: RecentRows::default(),
            pages: None,
            refresh: None,
            unverified: None,
            spared: None,
            set_aside: SetAside::default(),
            skipped: Vec::new(),
            run: None,
        }
    }

    /// Up to when a stream is delivered.
    #[must_use]
    pub fn watermark(&self, stream: Stream) -> Option<Timestamp> {
        let watermark = self.watermarks.get(stream.name());
        watermark.copied().map(Timestamp::from_millis)
    }

    /// Moves a watermark forward, never back.
    pub fn advance(&mut self, stream: Stream, watermark: Timestamp) {
        let known = self.watermarks.entry(stream.name().to_owned());
        let known = known.or_insert_with(|| watermark.millis());
        *known = (*known).max(watermark.millis());
    }
}

/// A hash of the choice of spaces. It is the same for the same keys in any order and case: keys are ASCII, and unique
/// whatever their case.
fn hash_of_choice(config: &Config) -> StableHash {
    let add = |hash: StableHash, keys: &[String]| {
        hash.and_any_order(keys.iter().map(|key| key.to_ascii_lowercase()))
    };
    let chosen = add(StableHash::EMPTY, &config.spaces);
    let excluded = add(chosen, &config.exclude_spaces);
    excluded.and(&[u8::from(config.include_personal_spaces)])
}
