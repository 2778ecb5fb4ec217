//! The summary of a run: what `sync` returns, and what a failure holds in its details.

use std::collections::BTreeMap;

use serde::Serialize;

/// The summary of a run. It may grow.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Rows written, by stream.
    pub rows: BTreeMap<&'static str, u64>,
    /// Requests sent.
    pub requests: u64,
    /// How long requests waited for a retry, in milliseconds.
    pub waited_ms: u64,
    /// Values without meaning, delivered as null.
    pub unreadable_values: u64,
    /// Rows that were not delivered because they have no key.
    pub rows_without_key: u64,
    /// The pages set aside.
    pub set_aside: Vec<SetAsidePage>,
    /// The streams whose endpoint failed for every page.
    pub stalled: Vec<&'static str>,
    /// The pages whose details were not read because the configuration skips them.
    pub skipped: Vec<String>,
    /// Refused views and states by the key of the space.
    pub refused_by_space: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// How old rows can be.
    pub freshness: Option<Freshness>,
}

/// A page that was set aside.
#[derive(Debug, Serialize)]
pub struct SetAsidePage {
    /// The page.
    pub page_id: String,
    /// The streams that lack its rows.
    pub streams: Vec<&'static str>,
    /// Why.
    pub reason: String,
}

/// How old rows can be at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Freshness {
    /// As configured.
    pub promised_days: f64,
    /// As the runs so far keep it.
    pub kept_days: f64,
    /// The share of the snapshot under way that is read, from 0 to 1.
    pub snapshot_done: f64,
}

impl Summary {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and maps with text keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}
