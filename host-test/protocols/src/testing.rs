//! What the tests of this crate share: a connector of another service, and a destination's standard output.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use connector_runtime::contract::Mode;
use connector_runtime::description::{Authentication, Description};
use connector_runtime::destination::{Batch, Row};
use connector_runtime::stream::{Column, ColumnKind, Stream};
use serde_json::{Value, json};

/// What is written, readable while it is written.
#[derive(Clone, Default)]
pub(crate) struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl SharedBuffer {
    /// Its lines as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let line = |line| serde_json::from_str(line).unwrap();
        text.lines().map(line).collect()
    }
}

/// A connector with one secret, an API key.
pub(crate) fn description() -> Description {
    Description {
        name: "shop".to_owned(),
        config_schema: json!({
            "type": "object",
            "properties": { "api_key": { "type": "string", "writeOnly": true }, "shop": {} },
            "required": ["shop"],
        }),
        secret_fields: vec!["api_key".to_owned()],
        base_url_field: "shop".to_owned(),
        authentication: vec![Authentication::Bearer {
            secret: "api_key".to_owned(),
        }],
        ..Description::default()
    }
}

/// Pages whose title and time may be null.
pub(crate) fn pages() -> Stream {
    let column = |name: &str, kind, required| Column {
        name: name.to_owned(),
        kind,
        required,
    };
    let text = json!({ "type": ["string", "null"] });
    Stream {
        name: "pages".to_owned(),
        description: String::new(),
        primary_key: vec!["source_id".to_owned()],
        cursor_field: Some("updated_at".to_owned()),
        modes: vec![Mode::Full, Mode::Incremental],
        endpoint: String::new(),
        scope: String::new(),
        columns: [
            column("source_id", ColumnKind::Text, true),
            column("title", ColumnKind::Text, false),
            column("updated_at", ColumnKind::Text, false),
        ]
        .into(),
        schema: json!({
            "type": "object",
            "properties": { "source_id": { "type": "string" }, "title": text, "updated_at": text },
            "required": ["source_id", "title"],
        }),
    }
}

/// A stream that is read in full alone.
pub(crate) fn spaces() -> Stream {
    Stream {
        name: "spaces".to_owned(),
        cursor_field: None,
        modes: vec![Mode::Full],
        ..pages()
    }
}

/// Rows of a stream, without replacements.
pub(crate) fn batch(stream: &str, rows: &[Value]) -> Batch {
    let row = |row: &Value| serde_json::from_value::<Row>(row.clone()).unwrap();
    Batch {
        stream: stream.to_owned(),
        replaces: Vec::new(),
        rows: rows.iter().map(row).collect(),
    }
}
