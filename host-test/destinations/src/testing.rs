//! What the tests of this crate share: streams, rows, and a destination that records.

#![allow(clippy::unwrap_used)]

use anyhow::Result;
use connector_runtime::destination::{Batch, Destination, Row};
use connector_runtime::stream::Stream;
use serde_json::{Value, json};

/// Writes down each call.
#[derive(Debug, Default)]
pub(crate) struct Recorder(pub(crate) Vec<String>);

impl Destination for Recorder {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.0.push(format!("begin {}", streams.join(",")));
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let Batch {
            stream,
            replaces,
            rows,
        } = batch;
        self.0
            .push(format!("write {stream} {} {}", replaces.len(), rows.len()));
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.0.push(format!("checkpoint {state}"));
        Ok(())
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.0.push(format!("end {stream} {}", except.len()));
        Ok(())
    }
}

/// A JSON object as a row.
pub(crate) fn row(value: Value) -> Row {
    serde_json::from_value(value).unwrap()
}

/// Rows of a stream, without replacements.
pub(crate) fn rows(stream: &str, rows: impl IntoIterator<Item = Value>) -> Batch {
    Batch {
        stream: stream.to_owned(),
        replaces: Vec::new(),
        rows: rows.into_iter().map(row).collect(),
    }
}

/// A stream of another service: odd names, a key of two columns, columns that may be absent.
pub(crate) fn orders() -> Stream {
    stream(
        "order",
        &["group", "number"],
        &json!({
            "group": { "type": "string" },
            "number": { "type": "integer" },
            "price": { "type": ["number", "null"] },
            "paid": { "type": ["boolean", "null"] },
            "placed_at": { "type": ["string", "null"], "format": "date-time" },
            "items": { "type": ["array", "null"] },
        }),
    )
}

/// A stream with these columns, of which the key is required.
pub(crate) fn stream(name: &str, key: &[&str], properties: &Value) -> Stream {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "required": key,
    });
    crate::testing::parse(name, key, &schema)
}

fn parse(name: &str, key: &[&str], schema: &Value) -> Stream {
    use connector_runtime::stream::{Column, ColumnKind};
    let columns = schema["properties"].as_object().unwrap().iter();
    let columns = columns.map(|(name, property)| {
        let kinds = property["type"].to_string();
        let kind = if property["format"] == "date-time" {
            ColumnKind::Timestamp
        } else if kinds.contains("string") {
            ColumnKind::Text
        } else if kinds.contains("integer") {
            ColumnKind::Integer
        } else if kinds.contains("number") {
            ColumnKind::Number
        } else if kinds.contains("boolean") {
            ColumnKind::Boolean
        } else {
            ColumnKind::Json
        };
        Column {
            name: name.clone(),
            kind,
            required: key.contains(&name.as_str()),
        }
    });
    Stream {
        name: name.to_owned(),
        description: String::new(),
        primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
        cursor_field: None,
        modes: Vec::new(),
        endpoint: String::new(),
        scope: String::new(),
        columns: columns.collect(),
        schema: schema.clone(),
    }
}
