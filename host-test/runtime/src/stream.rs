//! The streams of a connector: what `list-streams` says, parsed and checked once, at registration.
//!
//! After this, a stream's name, its columns and its key are identifiers. A destination quotes them and need
//! not distrust them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::{Mode, types};
use crate::printable::printable_within;
use crate::row::index;

#[cfg(test)]
mod tests;

/// Streams of one connector at most.
const MAX_STREAMS: usize = 200;
/// Columns of one stream at most: SQLite's default limit is 2,000, PostgreSQL's 1,600.
const MAX_COLUMNS: usize = 500;
/// Bytes of the JSON Schema of one stream at most.
const MAX_SCHEMA: usize = 256 << 10;
/// The same of all streams together: parsed, a schema takes up to 50 times as many.
const MAX_SCHEMAS: usize = 1 << 20;
/// Bytes of a text for a person; what is longer is cut off.
const MAX_TEXT: usize = 4 << 10;

/// One stream of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// An identifier, see [`is_identifier`].
    pub name: String,
    /// For a person.
    pub description: String,
    /// The columns that identify a row; each is one of `columns`.
    pub primary_key: Vec<String>,
    /// The column by which an incremental run selects rows; one of `columns`.
    pub cursor_field: Option<String>,
    /// How it can be read.
    pub modes: Vec<Mode>,
    /// Method and path template of the endpoint that the rows come from.
    pub endpoint: String,
    /// The OAuth scope that a scoped token needs for it.
    pub scope: String,
    /// In the order of their names.
    pub columns: Arc<[Column]>,
    /// JSON Schema (draft-07) of one row.
    pub schema: Value,
}

/// One column of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// An identifier, see [`is_identifier`].
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether every row has it, and not null.
    pub required: bool,
}

/// What the values of a column are, unless null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// A text.
    Text,
    /// A text in the form of RFC 3339: `"format": "date-time"`.
    Timestamp,
    /// A whole number between −2^63 and 2^64−1.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Whatever JSON there is.
    Json,
}

/// Why a connector is refused at registration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connector breaks the contract: {0}")]
pub struct ContractViolation(pub(crate) String);

impl ContractViolation {
    /// A violation; `name` is the connector's and not trusted.
    fn of(stream: &str, what: &str) -> Self {
        Self(format!("stream {:?} {what}", printable_within(stream, 80)))
    }
}

/// Whether a name is one that a stream or a column may have: `[a-z][a-z0-9_]{0,62}`.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 63
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl Stream {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(index(&self.columns, name)?)
    }

    /// Parses and checks the streams of a connector.
    pub(crate) fn parse_all(infos: Vec<types::StreamInfo>) -> Result<Vec<Self>, ContractViolation> {
        if infos.len() > MAX_STREAMS {
            let message = format!(
                "it lists {} streams; {MAX_STREAMS} are allowed",
                infos.len()
            );
            return Err(ContractViolation(message));
        }
        if infos.iter().map(|info| info.schema.len()).sum::<usize>() > MAX_SCHEMAS {
            let message = "its streams have schemas of more than 1 MiB together".to_owned();
            return Err(ContractViolation(message));
        }
        let mut names = HashSet::new();
        infos
            .into_iter()
            .map(|info| {
                if !names.insert(info.name.clone()) {
                    return Err(ContractViolation::of(&info.name, "is listed twice"));
                }
                Self::parse(info)
            })
            .collect()
    }

    fn parse(info: types::StreamInfo) -> Result<Self, ContractViolation> {
        let violation = |what: &str| ContractViolation::of(&info.name, what);
        if !is_identifier(&info.name) {
            return Err(violation(
                "has a name that does not match [a-z][a-z0-9_]{0,62}",
            ));
        }
        if info.schema.len() > MAX_SCHEMA {
            return Err(violation("has a schema of more than 256 KiB"));
        }
        let schema: Value = serde_json::from_str(&info.schema)
            .map_err(|_| violation("has a schema that is not JSON"))?;
        let columns = columns(&schema).map_err(&violation)?;
        let known = |name: &String| columns.iter().any(|column| column.name == *name);
        let distinct: HashSet<_> = info.primary_key.iter().collect();
        if info.primary_key.is_empty()
            || distinct.len() != info.primary_key.len()
            || !info.primary_key.iter().all(known)
        {
            return Err(violation(
                "has a primary key that does not consist of distinct columns",
            ));
        }
        if !info.cursor_field.iter().all(known) {
            return Err(violation("has a cursor field that is not a column"));
        }
        if info.modes.is_empty() {
            return Err(violation("has no mode"));
        }
        Ok(Self {
            description: printable_within(&info.description, MAX_TEXT),
            endpoint: printable_within(&info.endpoint, MAX_TEXT),
            scope: printable_within(&info.scope, MAX_TEXT),
            name: info.name,
            primary_key: info.primary_key,
            cursor_field: info.cursor_field,
            modes: info.modes,
            columns: columns.into(),
            schema,
        })
    }
}

/// The columns that a schema describes, sorted by name.
fn columns(schema: &Value) -> Result<Vec<Column>, &'static str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.ok_or("has a schema without properties")?;
    if properties.is_empty() || properties.len() > MAX_COLUMNS {
        return Err("has no column, or more than 500");
    }
    let required: HashSet<&str> = match schema.get("required") {
        None => HashSet::new(),
        Some(names) => names
            .as_array()
            .and_then(|names| names.iter().map(Value::as_str).collect())
            .ok_or("has a schema whose \"required\" is not a list of names")?,
    };
    if !required.iter().all(|name| properties.contains_key(*name)) {
        return Err("requires a column that its schema does not describe");
    }
    let mut columns = Vec::with_capacity(properties.len());
    for (name, property) in properties {
        if !is_identifier(name) {
            return Err("has a column whose name does not match [a-z][a-z0-9_]{0,62}");
        }
        let nullable = types_of(property).any(|kind| kind == "null");
        columns.push(Column {
            name: name.clone(),
            kind: ColumnKind::of(property),
            required: required.contains(name.as_str()) && !nullable,
        });
    }
    columns.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(columns)
}

/// The types that a schema of a value names: one as a text, or several as a list.
fn types_of(property: &Value) -> impl Iterator<Item = &str> {
    let kinds = property.get("type");
    let one = kinds.and_then(Value::as_str);
    let several = kinds.and_then(Value::as_array).into_iter().flatten();
    one.into_iter().chain(several.filter_map(Value::as_str))
}

impl ColumnKind {
    /// A column that may be of several kinds is JSON.
    fn of(property: &Value) -> Self {
        let mut kinds = types_of(property).filter(|kind| *kind != "null");
        match (kinds.next(), kinds.next()) {
            (Some("string"), None) => {
                let format = property.get("format").and_then(Value::as_str);
                if format == Some("date-time") {
                    Self::Timestamp
                } else {
                    Self::Text
                }
            }
            (Some("integer"), None) => Self::Integer,
            (Some("number"), None) => Self::Number,
            (Some("boolean"), None) => Self::Boolean,
            _ => Self::Json,
        }
    }

    /// Whether a value is one of this kind. Null is none of any.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text | Self::Timestamp => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Json => !value.is_null(),
        }
    }
}
