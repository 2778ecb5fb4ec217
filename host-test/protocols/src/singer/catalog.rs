//! The catalog of a Singer tap: what `--discover` prints, and what it says once somebody has chosen.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use connector_runtime::engine::{Mode, StreamInfo};

/// What somebody wants of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) stream: String,
    pub(super) mode: Mode,
    /// Columns that were deselected.
    pub(super) without: Vec<String>,
}

#[derive(Deserialize)]
struct Catalog {
    streams: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    tap_stream_id: String,
    #[serde(default)]
    metadata: Vec<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    breadcrumb: Vec<String>,
    metadata: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Attributes {
    selected: Option<bool>,
    selected_by_default: Option<bool>,
    inclusion: Option<String>,
    replication_method: Option<String>,
}

/// The catalog of all streams, every one selected unless somebody says otherwise.
pub(super) fn discovered(streams: &[StreamInfo]) -> Result<Value> {
    let streams: Result<Vec<_>> = streams.iter().map(entry).collect();
    Ok(json!({ "streams": streams? }))
}

fn entry(info: &StreamInfo) -> Result<Value> {
    let schema: Value = serde_json::from_str(&info.schema)?;
    let mut whole = json!({
        "inclusion": "available",
        "selected-by-default": true,
        "table-key-properties": info.primary_key,
    });
    if let Some(fields) = whole.as_object_mut() {
        if !info.modes.contains(&Mode::Incremental) {
            fields.insert("forced-replication-method".to_owned(), json!("FULL_TABLE"));
        }
        if let Some(cursor) = &info.cursor_field {
            fields.insert("valid-replication-keys".to_owned(), json!([cursor]));
        }
    }
    let mut metadata = vec![json!({ "breadcrumb": [], "metadata": whole })];
    let columns = schema.get("properties").and_then(Value::as_object);
    metadata.extend(columns.into_iter().flatten().map(|(column, _)| {
        let inclusion = if info.primary_key.contains(column) {
            "automatic"
        } else {
            "available"
        };
        let attributes = json!({ "inclusion": inclusion, "selected-by-default": true });
        json!({ "breadcrumb": ["properties", column], "metadata": attributes })
    }));
    Ok(json!({
        "tap_stream_id": info.name,
        "stream": info.name,
        "key_properties": info.primary_key,
        "schema": schema,
        "metadata": metadata,
    }))
}

/// What is wanted without a catalog: everything.
pub(super) fn everything(streams: &[StreamInfo]) -> Vec<Wish> {
    let wish = |info: &StreamInfo| Wish {
        stream: info.name.clone(),
        mode: Mode::Incremental,
        without: Vec::new(),
    };
    streams.iter().map(wish).collect()
}

/// Reads what somebody has chosen.
///
/// # Errors
///
/// The file can't be read or is no catalog.
pub(super) fn read(file: &Path) -> Result<Vec<Wish>> {
    let unreadable = || format!("the catalog {} can't be read", file.display());
    let catalog = std::fs::read_to_string(file).with_context(unreadable)?;
    parse(&catalog).with_context(unreadable)
}

pub(super) fn parse(catalog: &str) -> Result<Vec<Wish>> {
    let catalog: Catalog = serde_json::from_str(catalog)?;
    Ok(catalog
        .streams
        .into_iter()
        .filter_map(Entry::wish)
        .collect())
}

impl Entry {
    fn wish(self) -> Option<Wish> {
        let (mut mode, mut selected, mut without) = (Mode::Incremental, true, Vec::new());
        for Metadata {
            mut breadcrumb,
            metadata,
        } in self.metadata
        {
            match breadcrumb.pop() {
                None => {
                    selected = metadata.is_selected();
                    if metadata.replication_method.as_deref() == Some("FULL_TABLE") {
                        mode = Mode::Full;
                    }
                }
                Some(column) if !metadata.is_selected() => without.push(column),
                Some(_) => {}
            }
        }
        selected.then_some(Wish {
            stream: self.tap_stream_id,
            mode,
            without,
        })
    }
}

impl Attributes {
    /// Keys come whether they are selected or not.
    fn is_selected(&self) -> bool {
        self.inclusion.as_deref() == Some("automatic")
            || self.selected.or(self.selected_by_default).unwrap_or(true)
    }
}
