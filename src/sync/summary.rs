//! The summary of a run: what `sync` returns, and what a failure holds in its details.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::sync::per_stream::Counts;

/// The summary of a run. It may grow.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Rows written, by stream.
    pub(super) rows: Counts,
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
    pub(super) refused_by_space: BTreeMap<String, Counts>,
    /// How old rows can be.
    #[serde(skip)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Freshness {
    /// As configured.
    pub(super) promised_days: Thousandths,
    /// As the runs so far keep it.
    pub(super) kept_days: Thousandths,
    /// The share of the snapshot under way that is read, from 0 to 1.
    pub(super) snapshot_done: Thousandths,
}

impl Summary {
    /// The JSON text.
    #[must_use]
    pub(super) fn to_json(&self) -> String {
        // Texts, numbers and maps with text keys always serialize.
        let json = serde_json::to_string(self).unwrap_or_default();
        let fields = json.strip_suffix('}').unwrap_or_default();
        let freshness = self.freshness.map(Freshness::to_json);
        let freshness = freshness.as_deref().unwrap_or("null");
        format!("{fields},\"freshness\":{freshness}}}")
    }
}

impl Freshness {
    fn to_json(self) -> String {
        let Self {
            promised_days,
            kept_days,
            snapshot_done,
        } = self;
        format!(
            r#"{{"promised_days":{promised_days},"kept_days":{kept_days},"snapshot_done":{snapshot_done}}}"#
        )
    }
}

/// A number with three decimals. Not a double: the code and tables that write one take 30 KB of the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thousandths(u64);

impl Thousandths {
    pub(super) fn whole(number: u32) -> Self {
        Self(u64::from(number) * 1000)
    }

    /// The ratio of two numbers; the second one is not 0.
    pub(super) fn ratio(dividend: u64, divisor: u64) -> Self {
        let divisor = divisor.max(1);
        Self(dividend.saturating_mul(1000).saturating_add(divisor / 2) / divisor)
    }

    /// With one decimal.
    pub(super) fn to_tenths(self) -> String {
        let tenths = self.0.saturating_add(50) / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

impl fmt::Display for Thousandths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn numbers_have_three_decimals() {
        for (dividend, divisor, expected, tenths) in [
            (14, 1, "14.000", "14.0"),
            (1, 3, "0.333", "0.3"),
            (2, 3, "0.667", "0.7"),
            (999, 1000, "0.999", "1.0"),
            (1, 0, "1.000", "1.0"),
        ] {
            let ratio = Thousandths::ratio(dividend, divisor);
            assert_eq!(ratio.to_string(), expected);
            assert_eq!(ratio.to_tenths(), tenths);
        }
    }

    #[test]
    fn freshness_is_part_of_the_summary() {
        let mut summary = Summary::default();
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!(json["freshness"], serde_json::Value::Null);
        summary.freshness = Some(Freshness {
            promised_days: Thousandths::whole(7),
            kept_days: Thousandths::ratio(27, 2),
            snapshot_done: Thousandths::ratio(1, 4),
        });
        let json: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
        let expected =
            serde_json::json!({"promised_days": 7.0, "kept_days": 13.5, "snapshot_done": 0.25});
        assert_eq!(json["freshness"], expected);
        assert_eq!(json["requests"], 0);
    }
}
