//! The text form of a state: JSON with a version and a checksum, read for the site that it was written for.

use serde::Deserialize as _;

use super::digest::StableHash;
use super::{MAX_SET_ASIDE, State};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::wire::{Json, read};

/// The version of the format that this component writes and reads.
const VERSION: u64 = 3;

/// A state that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The state.
    pub state: State,
    /// Why it begins afresh, for a person, although there was one.
    pub afresh: Option<&'static str>,
}

impl State {
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
                afresh: None,
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
        let afresh = if state.spaces != fresh.spaces {
            Some("the choice of spaces has changed since the last run: everything is read afresh")
        } else if state.skipped_too_many(config) {
            Some("so many pages are no longer in skip_pages that everything is read afresh")
        } else {
            None
        };
        let state = if afresh.is_some() { fresh } else { state };
        Ok(Restored { state, afresh })
    }

    /// Whether the pages that were skipped, and are no more, are more than can be set aside.
    fn skipped_too_many(&self, config: &Config) -> bool {
        let skipped = self.skipped.iter();
        let read_again = skipped.filter(|id| !config.skip_pages.contains(*id));
        self.set_aside.pages().len() + read_again.count() > MAX_SET_ASIDE
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
fn unreadable() -> Error {
    invalid("the state can't be read; start afresh without one")
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::InvalidState, message)
}
