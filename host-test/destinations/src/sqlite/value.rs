//! Values of a row as SQLite stores them.
//!
//! Texts, times and booleans (0 and 1) are stored as they are, columns of any JSON as JSON texts. SQLite's integers have 64
//! bits and a sign. A larger number in a column of integers is stored as the nearest REAL, or, in a key, as a BLOB
//! of its digits, since two keys must never become one. JSON lines keep every digit.

use connector_runtime::stream::ColumnKind;
use rusqlite::types::Value as SqlValue;
use serde_json::{Number, Value};

use super::table::TableColumn;

/// The declared type of a column.
pub(super) fn declared_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text | ColumnKind::Timestamp | ColumnKind::Json => "TEXT",
        ColumnKind::Integer | ColumnKind::Boolean => "INTEGER",
        ColumnKind::Number => "REAL",
    }
}

/// A value to bind to a parameter.
pub(super) fn bound(value: &Value, column: &TableColumn) -> SqlValue {
    if column.kind == ColumnKind::Json && !value.is_null() {
        return SqlValue::Text(value.to_string());
    }
    match value {
        Value::Null => SqlValue::Null,
        Value::Bool(value) => SqlValue::Integer(i64::from(*value)),
        Value::String(text) => SqlValue::Text(text.clone()),
        Value::Number(number) => number_value(number, column),
        Value::Array(_) | Value::Object(_) => SqlValue::Text(value.to_string()),
    }
}

fn number_value(number: &Number, column: &TableColumn) -> SqlValue {
    if let Some(integer) = number.as_i64() {
        return SqlValue::Integer(integer);
    }
    if number.is_u64() && column.is_key {
        return SqlValue::Blob(number.to_string().into_bytes());
    }
    number.as_f64().map_or(SqlValue::Null, SqlValue::Real)
}
