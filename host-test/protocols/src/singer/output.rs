//! A run as Singer messages, with its logs and metrics on standard error.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use connector_destinations::stderr;
use connector_runtime::destination::{Batch, Destination, Note, Row};
use connector_runtime::stream::Stream;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::catalog::StreamSelection;
use super::state::TapState;
use crate::json_schema;
use crate::line_writer::LineWriter;

/// Writes every event as messages. What is written is flushed at each checkpoint.
///
/// The protocol has no message for single rows that are gone: replacements are left out. At the end of a snapshot
/// `ACTIVATE_VERSION` says that rows of earlier versions are.
pub(super) struct SingerOutput<W: Write> {
    out: LineWriter<W>,
    streams: Vec<StreamSelection>,
    versions: BTreeMap<String, i64>,
    rows: RowCounts,
    now: fn() -> Timestamp,
}

/// The rows of a run by stream, readable after the destination is gone.
#[derive(Debug, Clone, Default)]
pub(super) struct RowCounts(Arc<Mutex<BTreeMap<String, u64>>>);

impl RowCounts {
    fn add(&self, stream: &str, rows: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(stream.to_owned()).or_default() += rows;
    }

    /// The metrics of the run's end.
    pub(super) fn log(&self) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (stream, rows) in counts.iter() {
            stderr::print_line(&format!("INFO METRIC: {}", counter(stream, *rows)));
        }
    }
}

impl<W: Write> SingerOutput<W> {
    /// Writes to `out` about these streams; `state` is that of the run before.
    pub(super) fn new(
        out: W,
        streams: Vec<StreamSelection>,
        state: Option<&TapState>,
        now: fn() -> Timestamp,
    ) -> Self {
        let rows = RowCounts::default();
        for selected in &streams {
            rows.add(&selected.stream, 0);
        }
        Self {
            out: LineWriter::new(out),
            streams,
            versions: state
                .map(|state| state.versions.clone())
                .unwrap_or_default(),
            rows,
            now,
        }
    }

    /// The rows so far.
    pub(super) fn row_counts(&self) -> RowCounts {
        self.rows.clone()
    }

    /// Writes the schemas of the streams, which go before their rows.
    pub(super) fn write_schemas(&mut self, streams: &[Stream]) -> Result<()> {
        for stream in streams {
            let mut selected = self.streams.iter();
            if let Some(selected) = selected.find(|selected| selected.stream == stream.name) {
                let message = schema(stream, &selected.excluded_columns);
                self.out.write(&message)?;
            }
        }
        Ok(())
    }
}

impl<W: Write + Send> Destination for SingerOutput<W> {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        let now = (self.now)().as_millisecond();
        for stream in streams {
            // A snapshot that follows another within a millisecond is a version of its own.
            let version = self.versions.entry(stream.clone()).or_insert(now - 1);
            *version = now.max(*version + 1);
        }
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let now = (self.now)();
        let stream = batch.stream.as_str();
        let mut streams = self.streams.iter();
        let selected = streams.find(|selected| selected.stream == stream);
        let selected = selected.with_context(|| format!("the stream {stream} was not selected"))?;
        self.rows.add(stream, batch.rows.len() as u64);
        let version = self.versions.get(stream).copied();
        for mut row in batch.rows {
            for column in &selected.excluded_columns {
                row.remove(column);
            }
            self.out.write(&record(stream, &row, version, now))?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        let value = TapState {
            state: state.to_owned(),
            versions: self.versions.clone(),
        };
        self.out
            .write(&json!({ "type": "STATE", "value": value }))?;
        self.out.flush()
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        // The protocol cannot spare rows: nothing is removed until a snapshot has read everything.
        match self.versions.get(stream) {
            Some(version) if except.is_empty() => self.out.write(
                &json!({ "type": "ACTIVATE_VERSION", "stream": stream, "version": version }),
            ),
            _ => Ok(()),
        }
    }

    fn note(&mut self, note: &Note) {
        let line = match note {
            Note::Log { level, message } if level == "warn" => format!("WARNING {message}"),
            Note::Log { message, .. } => format!("INFO {message}"),
            Note::Wait { ms, reason } => format!("INFO waiting {} s: {reason}", ms.div_ceil(1000)),
            Note::Gone { page_id } => {
                format!("WARNING the page {page_id} vanished before its details could be read")
            }
            Note::Progress { .. } | Note::Other => return,
        };
        stderr::print_line(&line);
    }
}

/// The schema without the columns that are not selected.
pub(super) fn schema(stream: &Stream, excluded_columns: &[String]) -> Value {
    let is_excluded = |name: &str| excluded_columns.iter().any(|excluded| excluded == name);
    let mut schema = json_schema::of_rows(stream);
    if let Some(columns) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        columns.retain(|column, _| !is_excluded(column));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|column| !column.as_str().is_some_and(is_excluded));
    }
    let bookmarks: Vec<_> = stream
        .cursor_field
        .iter()
        .filter(|name| !is_excluded(name))
        .collect();
    json!({
        "type": "SCHEMA",
        "stream": stream.name,
        "schema": schema,
        "key_properties": stream.primary_key,
        "bookmark_properties": bookmarks,
    })
}

pub(super) fn record(stream: &str, row: &Row, version: Option<i64>, now: Timestamp) -> Value {
    let mut message = json!({
        "type": "RECORD",
        "stream": stream,
        "time_extracted": format!("{now:.3}"),
        "record": row,
    });
    if let (Some(version), Some(fields)) = (version, message.as_object_mut()) {
        fields.insert("version".to_owned(), json!(version));
    }
    message
}

fn counter(stream: &str, rows: u64) -> Value {
    json!({ "type": "counter", "metric": "record_count", "value": rows, "tags": { "endpoint": stream } })
}

/// How a run ended, as a metric says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStatus {
    Succeeded,
    Failed,
}

/// How long the run took, and how it ended.
pub(super) fn timer(seconds: f64, status: JobStatus) -> Value {
    let status = match status {
        JobStatus::Succeeded => "succeeded",
        JobStatus::Failed => "failed",
    };
    json!({
        "type": "timer",
        "metric": "job_duration",
        "value": seconds,
        "tags": { "job_type": "sync", "status": status },
    })
}
