//! What a connection remembers between calls: one small JSON text, versioned, bound to its site.
//!
//! Never a map of all pages: a watermark for each stream, the place of a run under way, and what keeps
//! an incremental run cheap and complete: the newest rows delivered, a digest of what was put away, and the
//! accounts met but not yet looked up.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::fields::{Fields, unreadable};
use crate::json::{List, Object, ToJson};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

mod delivered;
#[cfg(test)]
mod tests;

pub use delivered::Delivered;

/// The version of the format that this component writes and reads.
const VERSION: i64 = 1;
/// How far an incremental run looks back behind its watermark: equal timestamps, replication lag.
pub const OVERLAP: Duration = Duration::from_mins(10);

/// The state of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    version: i64,
    base_url: String,
    /// The configured spaces as a fingerprint: thousands of keys would not fit.
    spaces: i64,
    /// Up to when each stream is delivered, by the service's clock.
    watermarks: Vec<Watermark>,
    /// What the last finished run that read pages left behind.
    pub delivered: Delivered,
    /// The run under way.
    pub run: Option<Run>,
}

/// Up to when a stream is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Watermark {
    stream: String,
    at: Timestamp,
}

/// A run under way: what it has delivered, and where it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// What the run does, as a fingerprint: another selection or another set of spaces begins afresh.
    pub plan: i64,
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
    pub gone: i64,
}

/// A place in a run: all before it is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The listing, counted as the plan does.
    pub step: usize,
    /// The cursor of its page under way.
    pub cursor: Option<String>,
    /// The sort key of the last row delivered: an id, or a time of modification.
    pub passed: Option<String>,
}

/// A watermark less the overlap.
#[must_use]
pub fn overlapped(watermark: Timestamp) -> Timestamp {
    watermark.saturating_sub(OVERLAP)
}

impl Run {
    fn of_fields(mut fields: Fields<'_>) -> Result<Self> {
        Ok(Self {
            plan: required(fields.integer("plan")?)?,
            distrust: required(fields.boolean("distrust")?)?,
            started: instant(&mut fields, "started")?,
            place: Place::of_fields(fields.object("place")?)?,
            accounts: fields.texts("accounts")?,
            newest: fields.integer("newest")?.map(Timestamp::from_millis),
            delivered: Delivered::of_fields(fields.object("delivered")?)?,
            seen: required(fields.boolean("seen")?)?,
            gone: required(fields.integer("gone")?)?,
        })
    }
}

impl Place {
    fn of_fields(mut fields: Fields<'_>) -> Result<Self> {
        let step = required(fields.integer("step")?)?;
        Ok(Self {
            step: required(usize::try_from(step).ok())?,
            cursor: fields.text("cursor")?,
            passed: fields.text("passed")?,
        })
    }
}

fn required<T>(value: Option<T>) -> Result<T> {
    value.ok_or_else(unreadable)
}

fn instant(fields: &mut Fields<'_>, name: &str) -> Result<Timestamp> {
    required(fields.integer(name)?).map(Timestamp::from_millis)
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
        let mut fields = Fields::of_state(json)?;
        let version = required(fields.integer("version")?)?;
        if version != VERSION {
            let message = format!(
                "the state has version {version}, this component reads version {VERSION}; use the newer \
                 component, or start afresh without a state"
            );
            return Err(invalid(&message));
        }
        let state = Self::of_fields(fields)?;
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

    fn of_fields(mut fields: Fields<'_>) -> Result<Self> {
        let watermarks = fields.objects("watermarks")?.into_iter();
        let watermark = |mut fields: Fields<'_>| {
            Ok(Watermark {
                stream: fields.key("stream")?,
                at: instant(&mut fields, "at")?,
            })
        };
        Ok(Self {
            version: VERSION,
            base_url: fields.key("base_url")?,
            spaces: required(fields.integer("spaces")?)?,
            watermarks: watermarks.map(watermark).collect::<Result<_>>()?,
            delivered: Delivered::of_fields(fields.object("delivered")?)?,
            run: fields.optional("run")?.map(Run::of_fields).transpose()?,
        })
    }

    /// Up to when a stream is delivered.
    #[must_use]
    pub fn watermark(&self, stream: Stream) -> Option<Timestamp> {
        let mut watermarks = self.watermarks.iter();
        let known = watermarks.find(|known| known.stream == stream.name());
        known.map(|known| known.at)
    }

    /// Moves a watermark forward.
    pub fn advance(&mut self, stream: Stream, watermark: Timestamp) {
        let at = self
            .watermark(stream)
            .map_or(watermark, |known| known.max(watermark));
        let stream = stream.name().to_owned();
        self.watermarks.retain(|known| known.stream != stream);
        self.watermarks.push(Watermark { stream, at });
    }

    /// The text for a checkpoint between runs.
    #[must_use]
    pub fn write(&self) -> String {
        Object::default()
            .integer("version", Some(self.version))
            .text("base_url", Some(&self.base_url))
            .integer("spaces", Some(self.spaces))
            .objects("watermarks", &self.watermarks)
            .raw("delivered", &self.delivered.to_json())
            .end()
    }
}

/// The text for a checkpoint within a run. `between` is the text from before it, which stays the same while the run
/// goes on; `accounts` are those met and not yet looked up.
#[must_use]
pub fn write_during(between: &str, run: &Run, accounts: &List) -> String {
    let run = Object::default()
        .integer("plan", Some(run.plan))
        .boolean("distrust", Some(run.distrust))
        .integer("started", Some(run.started.millis()))
        .raw("place", &run.place.to_json())
        .raw("accounts", &accounts.to_json())
        .integer("newest", run.newest.map(Timestamp::millis))
        .raw("delivered", &run.delivered.to_json())
        .boolean("seen", Some(run.seen))
        .integer("gone", Some(run.gone))
        .end();
    let between = between.strip_suffix('}').unwrap_or(between);
    format!("{between},\"run\":{run}}}")
}

impl ToJson for Watermark {
    fn to_json(&self) -> String {
        Object::with("stream", &self.stream)
            .integer("at", Some(self.at.millis()))
            .end()
    }
}

impl ToJson for Place {
    fn to_json(&self) -> String {
        Object::default()
            .raw("step", &self.step.to_string())
            .text("cursor", self.cursor.as_deref())
            .text("passed", self.passed.as_deref())
            .end()
    }
}

/// The same for the same keys in any order.
fn fingerprint(keys: &[String]) -> i64 {
    let hash = |key: &String| {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish()
    };
    let sum = keys.iter().map(hash).fold(0, u64::wrapping_add);
    sum.cast_signed()
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::InvalidState, message)
}
