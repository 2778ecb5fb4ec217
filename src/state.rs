//! What a connection remembers between calls: one small JSON text, versioned, bound to its site, with a checksum.
//!
//! It never holds a list of all pages: a watermark for each stream, the position of the run and of the snapshot under
//! way, and what keeps an incremental run cheap and complete: the newest rows delivered, a digest of the archived and
//! trashed pages, the pages that were set aside, and the accounts that are not yet looked up.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::stream::Stream;
use crate::timestamp::Timestamp;
use crate::wire::{Json, read};

mod digest;
mod id_sketch;
mod position;
mod recent;
mod set_aside;
mod stream_set;
#[cfg(test)]
mod tests;

pub use digest::{Digest, StableHash};
pub use id_sketch::IdSketch;
pub use position::{Position, SortKey};
pub use recent::RecentRows;
pub use set_aside::{MAX_SET_ASIDE, PageSetAside, SetAside};
pub use stream_set::StreamSet;

/// The version of the format that this component writes and reads.
const VERSION: u64 = 3;
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

/// A state that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The state.
    pub state: State,
    /// Whether it begins afresh because it was made for another choice of spaces.
    pub spaces_changed: bool,
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

    /// Reads a state, or begins one. A state for another choice of spaces says nothing about this one.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidState`] where it can't be read, has another version, is of another site, or was changed since it
    /// was written: what a snapshot has not read would be gone with its close.
    pub fn restore(json: Option<&str>, config: &Config) -> Result<Restored> {
        let fresh = Self::new(config);
        let Some(json) = json else {
            return Ok(Restored {
                state: fresh,
                spaces_changed: false,
            });
        };
        let mut json: Json<'_> = read(json.as_bytes()).map_err(|_| unreadable())?;
        let version = json.get("version").and_then(Json::as_number);
        let version = version.ok_or_else(unreadable)?;
        if version != VERSION {
            return Err(other_version(version));
        }
        let content = json.take("state").ok_or_else(unreadable)?;
        let state = Self::deserialize(content).map_err(|_| unreadable())?;
        let checksum = json.get("checksum").and_then(Json::as_text);
        if checksum != Some(&state.content()?.checksum()) {
            return Err(invalid(
                "the state was changed since a run wrote it; start afresh without one",
            ));
        }
        if state.site != fresh.site {
            let message = format!(
                "the state belongs to another site than {}; use that site's own state, or start afresh without one",
                fresh.site
            );
            return Err(invalid(&message));
        }
        let spaces_changed = state.spaces != fresh.spaces;
        Ok(Restored {
            state: if spaces_changed { fresh } else { state },
            spaces_changed,
        })
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

    /// The text for a checkpoint.
    ///
    /// # Errors
    ///
    /// None in practice: all members have a JSON form.
    pub fn to_json(&self) -> Result<String> {
        let content = self.content()?;
        Ok(format!(
            r#"{{"version":{VERSION},"checksum":"{}","state":{}}}"#,
            content.checksum(),
            content.0
        ))
    }

    fn content(&self) -> Result<Content> {
        let json = serde_json::to_string(self);
        json.map(Content)
            .map_err(|_| invalid("the state can't be written as JSON"))
    }
}

/// The JSON of a state, as this component writes it.
struct Content(String);

impl Content {
    /// Tells a state that was cut, mixed up or edited. It is no signature: who hands a state over can make it.
    fn checksum(&self) -> String {
        StableHash::of(self.0.as_bytes()).to_string()
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

fn other_version(version: u64) -> Error {
    let remedy = if version > VERSION {
        "a newer component wrote it: use that one, or start afresh without a state"
    } else {
        "an older component wrote it: start afresh without a state"
    };
    invalid(&format!(
        "the state has version {version}, this component reads version {VERSION}; {remedy}"
    ))
}

/// The error of a state that can't be read.
#[must_use]
pub fn unreadable() -> Error {
    invalid("the state can't be read; start afresh without one")
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::InvalidState, message)
}
