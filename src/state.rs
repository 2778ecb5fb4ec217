//! What a connection remembers between calls: one small JSON text, versioned, bound to its site.
//!
//! Never a map of all pages: a watermark for each stream, the place of a run under way, and what keeps
//! an incremental run cheap and complete: the newest rows delivered, a digest of what was put away, and the
//! accounts met but not yet looked up.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api::page::PageRow;
use crate::config::Config;
use crate::digest::{Digest, hash};
use crate::error::{Error, Kind, Result};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

#[cfg(test)]
mod tests;

/// The version of the format that this component writes and reads.
const VERSION: u32 = 1;
/// How far an incremental run looks back behind its watermark: equal timestamps, replication lag.
pub const OVERLAP: Duration = Duration::from_mins(10);
/// How many of the newest rows are remembered at most, some 70 bytes each.
const MAX_RECENT: usize = 100;

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Envelope {
    version: u32,
}

/// The state of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    base_url: String,
    /// The configured spaces as a fingerprint: thousands of keys would not fit.
    spaces: u64,
    /// Up to when each stream is delivered, by the service's clock.
    watermarks: Vec<(String, Timestamp)>,
    /// What the last finished run that read pages left behind.
    pub delivered: Delivered,
    /// The run under way.
    pub run: Option<Run>,
}

/// A run under way: what it has delivered, and where it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What the run does, as a fingerprint: another selection or another set of spaces begins afresh.
    pub plan: u64,
    /// Whether the order of the service could not be trusted, so that all pages are listed.
    pub distrust: bool,
    /// When it began, by the service's clock.
    pub started: Timestamp,
    /// Where it goes on.
    pub place: Place,
    /// Accounts met and not yet looked up.
    pub accounts: Vec<String>,
    /// The newest modification seen.
    pub newest: Option<Timestamp>,
    /// What it leaves behind when it is finished.
    pub delivered: Delivered,
    /// Whether anything at all was listed.
    pub seen: bool,
    /// Pages that vanished before their details could be read.
    pub gone: u64,
}

/// A place in a run: all before it is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The listing, counted as the plan does.
    pub step: usize,
    /// The cursor of its page under way.
    pub cursor: Option<String>,
    /// The sort key of the last row delivered: an id, or a time of modification.
    pub passed: Option<String>,
}

/// What need not be delivered again: rows within the overlap would come with every run, and so would all that
/// is put away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The streams for which they were delivered.
    streams: Vec<String>,
    /// The newest pages: id, time of modification and hash of the row.
    newest: Vec<(String, Timestamp, u64)>,
    /// What was archived or in the trash.
    pub put_away: Digest,
}

impl Delivered {
    /// Nothing yet.
    #[must_use]
    pub fn to(wanted: impl Iterator<Item = Stream>) -> Self {
        Self {
            streams: wanted.map(|stream| stream.name().to_owned()).collect(),
            ..Self::default()
        }
    }

    /// What of it holds for these streams: all, or nothing where one of them was not read.
    #[must_use]
    pub fn held(&self, mut wanted: impl Iterator<Item = Stream>) -> Self {
        if wanted.all(|stream| self.streams.iter().any(|name| name == stream.name())) {
            self.clone()
        } else {
            Self::default()
        }
    }

    /// Whether exactly this row is among the newest.
    #[must_use]
    pub fn has(&self, page: &PageRow) -> bool {
        let delivered = self.newest.iter().find(|(id, ..)| *id == page.source_id);
        delivered.is_some_and(|(.., delivered)| *delivered == hash(page))
    }

    /// Remembers a row, and forgets those that the next run won't look at.
    pub fn remember(&mut self, page: &PageRow, newest: Option<Timestamp>) {
        let (Some(modified), Some(newest)) = (page.modified(), newest) else {
            return;
        };
        let horizon = overlapped(newest);
        if modified < horizon {
            return;
        }
        self.newest
            .retain(|(id, modified, _)| *modified >= horizon && *id != page.source_id);
        self.newest
            .push((page.source_id.clone(), modified, hash(page)));
        if self.newest.len() > MAX_RECENT {
            let oldest = self
                .newest
                .iter()
                .enumerate()
                .min_by_key(|(_, (_, modified, _))| *modified);
            if let Some(oldest) = oldest.map(|(place, _)| place) {
                self.newest.swap_remove(oldest);
            }
        }
    }
}

/// A watermark less the overlap.
#[must_use]
pub fn overlapped(watermark: Timestamp) -> Timestamp {
    watermark.less(OVERLAP)
}

impl State {
    /// The state of a connection that has never run.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            version: VERSION,
            base_url: config.base_url.to_string(),
            spaces: fingerprint(&config.spaces),
            watermarks: Vec::new(),
            delivered: Delivered::default(),
            run: None,
        }
    }

    /// Reads a state, or begins one. A state for another choice of spaces says nothing about this one.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidState`] where it can't be read, is newer than this component, or of another site.
    pub fn read(json: Option<&str>, config: &Config) -> Result<Self> {
        let Some(json) = json else {
            return Ok(Self::new(config));
        };
        let unreadable = |_| invalid("the state can't be read; start afresh without one");
        let envelope: Envelope = serde_json::from_slice(json.as_bytes()).map_err(unreadable)?;
        if envelope.version != VERSION {
            let message = format!(
                "the state has version {}, this component reads version {VERSION}; use the newer component, or \
                 start afresh without a state",
                envelope.version
            );
            return Err(invalid(&message));
        }
        let state: Self = serde_json::from_slice(json.as_bytes()).map_err(unreadable)?;
        if state.base_url != config.base_url.to_string() {
            let message = format!(
                "the state belongs to another site than {}; use that site's own state, or start afresh without \
                 one",
                config.base_url
            );
            return Err(invalid(&message));
        }
        let same = state.spaces == fingerprint(&config.spaces);
        Ok(if same { state } else { Self::new(config) })
    }

    /// The state in the middle of a run.
    #[must_use]
    pub fn during(&self, run: &Run) -> Self {
        Self {
            run: Some(run.clone()),
            ..self.clone()
        }
    }

    /// Up to when a stream is delivered.
    #[must_use]
    pub fn watermark(&self, stream: Stream) -> Option<Timestamp> {
        let known = self
            .watermarks
            .iter()
            .find(|(name, _)| name == stream.name());
        known.map(|(_, watermark)| *watermark)
    }

    /// Moves a watermark forward.
    pub fn advance(&mut self, stream: Stream, watermark: Timestamp) {
        let watermark = self
            .watermark(stream)
            .map_or(watermark, |known| known.max(watermark));
        self.watermarks.retain(|(name, _)| name != stream.name());
        self.watermarks.push((stream.name().to_owned(), watermark));
    }

    /// The text for a checkpoint.
    ///
    /// # Errors
    ///
    /// None that is known: everything in it has a form in JSON.
    pub fn write(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|_| invalid("the state can't be written"))
    }
}

/// The same for the same keys in any order.
fn fingerprint(keys: &[String]) -> u64 {
    let hash = |key: &String| {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish()
    };
    keys.iter().map(hash).fold(0, u64::wrapping_add)
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::InvalidState, message)
}
