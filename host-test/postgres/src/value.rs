//! Values of a row as PostgreSQL stores them.

use anyhow::{Result, anyhow};
use connector_runtime::stream::ColumnKind;
use jiff::civil::{Time, date};
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::{SignedDuration, Timestamp};
use postgres_types::private::BytesMut;
use serde_json::Value;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::column_type::ColumnType;
use crate::session::OwnedParameter;

/// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// One value, typed by its column, which can be compared as part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cell {
    Null,
    Text(String),
    /// Microseconds since 2000.
    Timestamp(i64),
    /// Between -2^63 and 2^64 - 1.
    Integer(i128),
    /// The bits of a number, never those of minus zero.
    Number(u64),
    Boolean(bool),
    /// A document.
    Json(String),
}

impl Cell {
    /// Converts a value of a column. A NUL, which PostgreSQL stores in no text, becomes U+FFFD.
    pub(crate) fn new(value: Value, kind: ColumnKind) -> Result<Self> {
        let expected = || anyhow!("a value is not of the column's kind ({kind:?})");
        Ok(match (value, kind) {
            (Value::Null, _) => Self::Null,
            (Value::String(text), ColumnKind::Text) => Self::Text(without_nul(text)),
            (Value::String(text), ColumnKind::Timestamp) => Self::Timestamp(microseconds(&text)?),
            (Value::Bool(value), ColumnKind::Boolean) => Self::Boolean(value),
            (Value::Number(number), ColumnKind::Integer) => {
                let integer = number.as_i64().map(i128::from);
                let integer = integer.or_else(|| number.as_u64().map(i128::from));
                Self::Integer(integer.ok_or_else(expected)?)
            }
            (Value::Number(number), ColumnKind::Number) => {
                Self::Number((number.as_f64().ok_or_else(expected)? + 0.0).to_bits())
            }
            (value, ColumnKind::Json) => Self::Json(json(&value)),
            _ => return Err(expected()),
        })
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Json(text) => 32 + text.len(),
            _ => 32,
        }
    }
}

/// Without NUL: it stands in texts that are not well-formed at the source.
fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
    }
}

fn microseconds(text: &str) -> Result<i64> {
    let time = text.parse::<Timestamp>().map(Timestamp::as_microsecond);
    let time = time.ok().or_else(|| at_the_end_of_time(text));
    let time = time.ok_or_else(|| anyhow!("a time is not in the form of RFC 3339"))?;
    Ok(time - EPOCH)
}

/// A time for which there is no instant with every offset: a timestamp of jiff ends a day before the year 9999 does, and
/// who means "never" writes its last moment.
fn at_the_end_of_time(text: &str) -> Option<i64> {
    let pieces = Pieces::parse(text).ok()?;
    let offset = match pieces.offset()? {
        PiecesOffset::Numeric(offset) => offset.offset().seconds(),
        _ => 0,
    };
    let local = pieces
        .date()
        .to_datetime(pieces.time().unwrap_or(Time::midnight()));
    let since = local.duration_since(date(1970, 1, 1).to_datetime(Time::midnight()));
    let since = since - SignedDuration::from_secs(offset.into());
    i64::try_from(since.as_micros()).ok()
}

/// JSON whose texts and names hold no NUL, which jsonb refuses.
fn json(value: &Value) -> String {
    let text = value.to_string();
    if text.contains("\\u0000") {
        json_without_nul(value).to_string()
    } else {
        text
    }
}

fn json_without_nul(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text.clone())),
        Value::Array(items) => Value::Array(items.iter().map(json_without_nul).collect()),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(name, value)| (without_nul(name.clone()), json_without_nul(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// The values of rows as arrays to bind, one for each column. A value of another type than its column's is null.
pub(crate) fn arrays(
    types: impl IntoIterator<Item = ColumnType>,
    rows: Vec<Vec<Cell>>,
) -> Vec<OwnedParameter> {
    let mut arrays: Vec<_> = types
        .into_iter()
        .map(|column| Array::with_capacity(column, rows.len()))
        .collect();
    for row in rows {
        for (array, cell) in arrays.iter_mut().zip(row) {
            array.push(cell);
        }
    }
    arrays.into_iter().map(Array::into_parameter).collect()
}

/// One column of several rows.
enum Array {
    Text(Vec<Option<String>>),
    Timestamp(Vec<Option<Microseconds>>),
    Integer(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Boolean(Vec<Option<bool>>),
}

impl Array {
    fn with_capacity(column: ColumnType, rows: usize) -> Self {
        match column {
            ColumnType::Text | ColumnType::Json | ColumnType::Numeric => {
                Self::Text(Vec::with_capacity(rows))
            }
            ColumnType::Timestamp => Self::Timestamp(Vec::with_capacity(rows)),
            ColumnType::Bigint => Self::Integer(Vec::with_capacity(rows)),
            ColumnType::Double => Self::Number(Vec::with_capacity(rows)),
            ColumnType::Boolean => Self::Boolean(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Text(texts), Cell::Text(text) | Cell::Json(text)) => texts.push(Some(text)),
            (Self::Text(texts), Cell::Integer(integer)) => texts.push(Some(integer.to_string())),
            (Self::Text(texts), _) => texts.push(None),
            (Self::Timestamp(times), Cell::Timestamp(time)) => times.push(Some(Microseconds(time))),
            (Self::Timestamp(times), _) => times.push(None),
            (Self::Integer(integers), Cell::Integer(integer)) => {
                integers.push(i64::try_from(integer).ok());
            }
            (Self::Integer(integers), _) => integers.push(None),
            (Self::Number(numbers), Cell::Number(bits)) => numbers.push(Some(f64::from_bits(bits))),
            (Self::Number(numbers), _) => numbers.push(None),
            (Self::Boolean(values), Cell::Boolean(value)) => values.push(Some(value)),
            (Self::Boolean(values), _) => values.push(None),
        }
    }

    fn into_parameter(self) -> OwnedParameter {
        match self {
            Self::Text(texts) => (Box::new(texts), Type::TEXT_ARRAY),
            Self::Timestamp(times) => (Box::new(times), Type::TIMESTAMPTZ_ARRAY),
            Self::Integer(integers) => (Box::new(integers), Type::INT8_ARRAY),
            Self::Number(numbers) => (Box::new(numbers), Type::FLOAT8_ARRAY),
            Self::Boolean(values) => (Box::new(values), Type::BOOL_ARRAY),
        }
    }
}

/// A `timestamptz` in PostgreSQL's own form.
#[derive(Debug)]
struct Microseconds(i64);

impl ToSql for Microseconds {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        // The form of a timestamptz is that of a bigint.
        let _ = kind;
        self.0.to_sql(&Type::INT8, out)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_typed_and_never_guessed() {
        for (value, kind, cell) in [
            (json!(null), ColumnKind::Text, Cell::Null),
            (
                json!("a\0b"),
                ColumnKind::Text,
                Cell::Text("a\u{FFFD}b".into()),
            ),
            (
                json!("2000-01-01T01:00:00.000002+01:00"),
                ColumnKind::Timestamp,
                Cell::Timestamp(2),
            ),
            (
                json!("9999-12-31T23:59:59.999Z"),
                ColumnKind::Timestamp,
                Cell::Timestamp(252_455_615_999_999_000),
            ),
            (
                json!("9999-12-31T23:59:59-01:00"),
                ColumnKind::Timestamp,
                Cell::Timestamp(252_455_619_599_000_000),
            ),
            (
                json!("0000-01-01T00:00:00+01:00"),
                ColumnKind::Timestamp,
                Cell::Timestamp(-63_113_907_600_000_000),
            ),
            (json!(7), ColumnKind::Integer, Cell::Integer(7)),
            (
                json!(u64::MAX),
                ColumnKind::Integer,
                Cell::Integer(u64::MAX.into()),
            ),
            (json!(-0.0), ColumnKind::Number, Cell::Number(0)),
            (json!(true), ColumnKind::Boolean, Cell::Boolean(true)),
            (
                json!({"a\0": ["\0"]}),
                ColumnKind::Json,
                Cell::Json("{\"a\u{FFFD}\":[\"\u{FFFD}\"]}".into()),
            ),
        ] {
            assert_eq!(Cell::new(value, kind).unwrap(), cell);
        }
        for (value, kind) in [
            (json!("yesterday"), ColumnKind::Timestamp),
            (json!("infinity"), ColumnKind::Timestamp),
            (json!(1.5), ColumnKind::Integer),
            (json!("7"), ColumnKind::Integer),
            (json!(1), ColumnKind::Boolean),
        ] {
            assert!(
                Cell::new(value.clone(), kind).is_err(),
                "{value} as {kind:?}"
            );
        }
    }
}
