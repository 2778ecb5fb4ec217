//! The catalog of a Singer tap: as `--discover` prints it, and as a user has changed it to select streams.

use anyhow::Result;
use connector_runtime::contract::Mode;
use connector_runtime::stream::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::json_schema;

/// A selected stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamSelection {
    pub(super) stream: String,
    pub(super) mode: Mode,
    /// Columns that are not selected.
    pub(super) excluded_columns: Vec<String>,
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

/// The catalog of all streams, every one selected unless the user says otherwise.
pub(super) fn discovered(streams: &[Stream]) -> Value {
    let streams: Vec<_> = streams.iter().map(entry).collect();
    json!({ "streams": streams })
}

fn entry(stream: &Stream) -> Value {
    let mut attributes = json!({
        "inclusion": "available",
        "selected-by-default": true,
        "table-key-properties": stream.primary_key,
    });
    if let Some(fields) = attributes.as_object_mut() {
        if !stream.modes.contains(&Mode::Incremental) {
            fields.insert("forced-replication-method".to_owned(), json!("FULL_TABLE"));
        }
        if let Some(cursor) = &stream.cursor_field {
            fields.insert("valid-replication-keys".to_owned(), json!([cursor]));
        }
    }
    let mut metadata = vec![json!({ "breadcrumb": [], "metadata": attributes })];
    metadata.extend(stream.columns.iter().map(|column| {
        let inclusion = if stream.primary_key.contains(&column.name) {
            "automatic"
        } else {
            "available"
        };
        let attributes = json!({ "inclusion": inclusion, "selected-by-default": true });
        json!({ "breadcrumb": ["properties", column.name], "metadata": attributes })
    }));
    json!({
        "tap_stream_id": stream.name,
        "stream": stream.name,
        "key_properties": stream.primary_key,
        "schema": json_schema::of_rows(stream),
        "metadata": metadata,
    })
}

/// The selection without a catalog: everything.
pub(super) fn everything(streams: &[Stream]) -> Vec<StreamSelection> {
    let select = |stream: &Stream| StreamSelection {
        stream: stream.name.clone(),
        mode: Mode::Incremental,
        excluded_columns: Vec::new(),
    };
    streams.iter().map(select).collect()
}

/// Reads which of the streams are selected. Their keys are, whatever the catalog says: a target finds rows by them, and
/// the schema names them.
///
/// # Errors
///
/// The text is no catalog.
pub(super) fn parse(catalog: &str, streams: &[Stream]) -> Result<Vec<StreamSelection>> {
    let catalog: Catalog = serde_json::from_str(catalog)?;
    let selected = catalog.streams.into_iter().filter_map(Entry::selection);
    let with_keys = selected.map(|mut selected| {
        let mut streams = streams.iter();
        if let Some(stream) = streams.find(|stream| stream.name == selected.stream) {
            let excluded = &mut selected.excluded_columns;
            excluded.retain(|column| !stream.primary_key.contains(column));
        }
        selected
    });
    Ok(with_keys.collect())
}

impl Entry {
    fn selection(self) -> Option<StreamSelection> {
        let mut selected = true;
        let mut selection = StreamSelection {
            stream: self.tap_stream_id,
            mode: Mode::Incremental,
            excluded_columns: Vec::new(),
        };
        for entry in self.metadata {
            let attributes = entry.metadata;
            match entry.breadcrumb.into_iter().next_back() {
                None => {
                    selected = attributes.is_selected();
                    if attributes.replication_method.as_deref() == Some("FULL_TABLE") {
                        selection.mode = Mode::Full;
                    }
                }
                Some(column) if !attributes.is_selected() => {
                    selection.excluded_columns.push(column);
                }
                Some(_) => {}
            }
        }
        selected.then_some(selection)
    }
}

impl Attributes {
    /// What is automatic comes whether it is selected or not.
    fn is_selected(&self) -> bool {
        self.inclusion.as_deref() == Some("automatic")
            || self.selected.or(self.selected_by_default).unwrap_or(true)
    }
}
