//! The state of a Singer tap: that of the component, and the version of each stream's rows.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use connector_destinations::{state_file, stderr, text_file};
use serde::{Deserialize, Serialize};
use serde_json::{Deserializer, Value};

/// What the value of a STATE message holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TapState {
    /// The state of the component.
    pub(super) state: String,
    /// When the last snapshot of each stream began, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) versions: BTreeMap<String, i64>,
}

/// A value, alone or in its message.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Enveloped { value: Box<Message> },
    Meltano { singer_state: Box<Message> },
    State(TapState),
    Bookmarks(NoBookmarks),
    Null,
}

/// What some callers bring where there is no state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoBookmarks {
    #[serde(default)]
    #[expect(
        clippy::zero_sized_map_values,
        reason = "objects that have to be empty, under any name"
    )]
    bookmarks: Option<BTreeMap<String, Option<BTreeMap<String, Never>>>>,
    #[serde(default)]
    #[serde(rename = "currently_syncing")]
    _currently_syncing: Option<String>,
}

/// The value of a bookmark, of which this tap has none.
#[derive(Deserialize)]
enum Never {}

/// Reads the state, if there is one.
///
/// # Errors
///
/// The file cannot be read or holds something else.
pub(super) fn read(file: Option<&Path>) -> Result<Option<TapState>> {
    let Some(text) = file.map(text_file::read_if_there).transpose()?.flatten() else {
        return Ok(None);
    };
    let state = if state_file::is_empty(&text) {
        None
    } else {
        parse(&text)?
    };
    if state.is_none() {
        stderr::print_line("WARNING the state is empty; this run starts afresh");
    }
    Ok(state)
}

/// The last of the states in a text, as targets write one after the other.
pub(super) fn parse(text: &str) -> Result<Option<TapState>> {
    let mut last = None;
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        let message: Message = value
            .and_then(serde_json::from_value)
            .ok()
            .context("the state is not one of this tap; start afresh without it")?;
        last = message.state();
    }
    Ok(last)
}

impl Message {
    fn state(self) -> Option<TapState> {
        match self {
            Self::Enveloped { value }
            | Self::Meltano {
                singer_state: value,
            } => value.state(),
            Self::State(state) => Some(state),
            Self::Bookmarks(none) => {
                drop(none.bookmarks);
                None
            }
            Self::Null => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_state_counts_and_others_are_refused() {
        for (text, expected) in [
            ("", None),
            ("{}", None),
            ("null", None),
            (r#"{"bookmarks":{}}"#, None),
            (r#"{"bookmarks":null}"#, None),
            (r#"{"bookmarks":{"pages":null}}"#, None),
            (r#"{"singer_state":{"bookmarks":{}}}"#, None),
            (r#"{"singer_state":{"state":"a"}}"#, Some("a")),
            (
                r#"{"bookmarks":{"pages":{}},"currently_syncing":null}"#,
                None,
            ),
            (r#"{"state":"a"}"#, Some("a")),
            (r#"{"state":"a","versions":{"pages":7}}"#, Some("a")),
            ("{\"state\":\"a\"}\n{\"state\":\"b\"}\n", Some("b")),
            (r#"{"type":"STATE","value":{"state":"a"}}"#, Some("a")),
            (r#"{"type":"STATE","value":{}}"#, None),
        ] {
            let found = parse(text).unwrap().map(|found| found.state);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        for other in [
            "x",
            "[1]",
            r#"{"bookmarks":{"pages":{"updated_at":"2026"}}}"#,
        ] {
            assert!(parse(other).is_err(), "{other}");
        }
    }
}
