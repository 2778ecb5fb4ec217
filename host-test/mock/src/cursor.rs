//! Cursors: where a listing stopped, as text that a client need not understand.
//!
//! Like the real ones they hold the sort key and the last id, no filters and no limit, so that a
//! client has to send those again; and as a place in an order (not a count) they stay right when rows
//! come and go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum SortKey {
    /// Ids, and times in milliseconds.
    Number(i64),
    /// Titles, names and keys.
    Text(String),
}

/// The last row that a client was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// The row's id, which decides between equal keys.
    pub(super) id: String,
    /// The value of `sort` that the order belongs to.
    pub(super) content_order: String,
    /// The row's key in that order.
    pub(super) content_order_value: SortKey,
    /// How many pages some faults have served so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) turn: u64,
    /// The number of the request that it was issued for, and the second; only when it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issued: Option<Issued>,
    /// Nothing but trouble: it brings `+` and `/` into the encoded text.
    #[serde(default)]
    mark: String,
}

/// When a cursor was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Issued {
    /// The number of the request.
    pub(super) request: u64,
    /// Seconds since 1970.
    pub(super) second: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(turn: &u64) -> bool {
    *turn == 0
}

impl Cursor {
    pub(super) fn new(id: String, order: &str, value: SortKey) -> Self {
        Self {
            id,
            content_order: order.to_owned(),
            content_order_value: value,
            turn: 0,
            issued: None,
            mark: ">>>???".to_owned(),
        }
    }

    pub(super) fn with_turn(self, turn: u64) -> Self {
        Self { turn, ..self }
    }

    pub(super) fn with_issued(self, issued: Option<Issued>) -> Self {
        Self { issued, ..self }
    }

    /// Standard base64 that always ends in padding.
    pub(super) fn encode(&self) -> String {
        let mut json = serde_json::to_string(self).unwrap_or_default();
        if json.len().is_multiple_of(3) {
            json.push(' ');
        }
        STANDARD.encode(json)
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }

    pub(super) fn id_number(&self) -> Option<u64> {
        self.id.parse().ok()
    }
}

#[cfg(test)]
mod tests;
