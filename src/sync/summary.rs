//! The summary of a run: what `sync` returns, and what a failure holds in its details.

use std::collections::BTreeMap;

use serde::Serialize;

/// The summary of a run. It may grow.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Rows written, by stream.
    pub(super) rows: BTreeMap<&'static str, u64>,
    /// Requests sent.
    pub(super) requests: u64,
    /// How long requests waited for a retry, in milliseconds.
    pub(super) waited_ms: u64,
    /// Values without meaning, delivered as null.
    pub(super) unreadable_values: u64,
    /// Rows that were not delivered because they have no key.
    pub(super) rows_without_key: u64,
    /// The pages set aside.
    pub(super) set_aside: Vec<SetAsidePage>,
    /// The streams whose endpoint failed for every page.
    pub(super) stalled: Vec<&'static str>,
    /// The pages whose details were not read because the configuration skips them.
    pub(super) skipped: Vec<String>,
    /// Refused views and states by the key of the space.
    pub(super) refused_by_space: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// How old rows can be.
    pub(super) freshness: Option<Freshness>,
}

/// A page that was set aside.
#[derive(Debug, Serialize)]
pub(super) struct SetAsidePage {
    /// The page.
    pub(super) page_id: String,
    /// The streams that lack its rows.
    pub(super) streams: Vec<&'static str>,
    /// Why.
    pub(super) reason: String,
}

/// How old rows can be at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Freshness {
    /// As configured.
    pub(super) promised_days: f64,
    /// As the runs so far keep it.
    pub(super) kept_days: f64,
    /// The share of the snapshot under way that is read, from 0 to 1.
    pub(super) snapshot_done: f64,
}

impl Summary {
    /// The JSON text.
    #[must_use]
    pub(super) fn to_json(&self) -> String {
        // Texts, numbers and maps with text keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}
