//! Advice for a person or a progress bar.

use serde::Serialize;

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Something is not as it should be.
    Warn,
}

/// Advice for a person or a progress bar; its JSON is what the contract describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Note<'a> {
    /// A line for the log.
    Log {
        /// How important it is.
        level: Level,
        /// The line.
        message: &'a str,
    },
    /// A wait begins.
    Wait {
        /// How long, in milliseconds.
        ms: u64,
        /// Why.
        reason: &'a str,
    },
    /// A page was listed and no longer exists.
    Gone {
        /// Its id.
        page_id: &'a str,
    },
    /// How far the run is.
    Progress {
        /// Items done.
        done: u64,
        /// Items in all, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    },
}

impl Note<'_> {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}
