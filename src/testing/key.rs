//! The key of a row.

use serde_json::Value;

use crate::stream::Stream;

/// The key of a row as text.
pub(super) fn key_of(stream: Stream, row: &Value) -> String {
    let key = stream.primary_key().iter().map(|column| {
        let value = row.get(*column).unwrap();
        assert!(!value.is_null(), "a key that is null: {row}");
        value.to_string()
    });
    key.collect::<Vec<_>>().join(" ")
}
