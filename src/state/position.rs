//! A position in the listings of a run.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// A position in a run: everything before it is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The index of the listing in the plan.
    pub step: usize,
    /// The cursor of the listing's page under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The sort key of the last row delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_after: Option<SortKey>,
}

/// What a listing of pages is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// Ascending ids.
    Id(u64),
    /// Descending times of modification.
    Modified(Timestamp),
}

impl SortKey {
    /// Whether a row with this key may stand before one with `other`.
    #[must_use]
    pub fn may_precede(self, other: Self) -> bool {
        match (self, other) {
            (Self::Id(this), Self::Id(that)) => this <= that,
            (Self::Modified(this), Self::Modified(that)) => this >= that,
            _ => false,
        }
    }

    /// Whether a row with this key was delivered when the last row delivered had the key `last`. Of several rows
    /// modified at the same instant, this is unknown.
    #[must_use]
    pub fn was_delivered(self, last: Self) -> bool {
        match (self, last) {
            (Self::Id(this), Self::Id(last)) => this <= last,
            (Self::Modified(this), Self::Modified(last)) => this > last,
            _ => false,
        }
    }
}
