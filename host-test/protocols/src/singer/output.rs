//! A run as Singer messages, with its metrics on standard error.

use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::catalog::Wish;
use connector_runtime::engine::StreamInfo;
use connector_runtime::output::{Batch, Note, Output};

/// Writes every event as messages. What is written is flushed at each checkpoint.
///
/// The protocol has no word for rows of one page that are gone: replacements are left out.
pub(super) struct Singer<W: Write> {
    out: BufWriter<W>,
    streams: Vec<Stream>,
    now: fn() -> Timestamp,
}

struct Stream {
    wish: Wish,
    rows: u64,
}

impl<W: Write> Singer<W> {
    /// Writes to `out`.
    pub(super) fn new(out: W, wishes: Vec<Wish>, now: fn() -> Timestamp) -> Self {
        let stream = |wish| Stream { wish, rows: 0 };
        Self {
            out: BufWriter::with_capacity(64 * 1024, out),
            streams: wishes.into_iter().map(stream).collect(),
            now,
        }
    }

    /// Writes the schemas of the streams, which go before their rows.
    pub(super) fn begin(&mut self, streams: &[StreamInfo]) -> Result<()> {
        for info in streams {
            let wished = self.streams.iter().find(|s| s.wish.stream == info.name);
            if let Some(Stream { wish, .. }) = wished {
                let line = schema(info, &wish.without)?.to_string();
                self.line(&line)?;
            }
        }
        Ok(())
    }

    fn stream(&mut self, name: &str) -> Result<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        streams
            .find(|stream| stream.wish.stream == name)
            .with_context(|| format!("the stream {name} was not selected"))
    }

    fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").context("standard output can't be written")
    }
}

impl<W: Write + Send> Output for Singer<W> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        let now = (self.now)();
        let stream = self.stream(&batch.stream)?;
        stream.rows += batch.rows.len() as u64;
        let without = stream.wish.without.clone();
        for row in &batch.rows {
            let line = record(&batch.stream, row, &without, now)?;
            self.line(&line)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        let message = json!({ "type": "STATE", "value": { "state": state } });
        self.line(&message.to_string())?;
        self.out.flush().context("standard output can't be written")
    }

    fn finished(&mut self, stream: &str, _: bool) -> Result<()> {
        let rows = self.stream(stream)?.rows;
        eprintln!("INFO METRIC: {}", counter(stream, rows));
        Ok(())
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Log { level, message } if level == "warn" => eprintln!("WARNING {message}"),
            Note::Log { message, .. } => eprintln!("INFO {message}"),
            Note::Wait { ms, reason } => {
                eprintln!("INFO waiting {} s: {reason}", ms.div_ceil(1000));
            }
            Note::Gone { page_id } => {
                eprintln!("WARNING the page {page_id} vanished before its details could be read");
            }
            Note::Begin | Note::Other => {}
        }
    }
}

/// The schema without the columns that somebody deselected.
pub(super) fn schema(info: &StreamInfo, without: &[String]) -> Result<Value> {
    let mut schema: Value = serde_json::from_str(&info.schema)?;
    if let Some(columns) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        columns.retain(|column, _| !without.contains(column));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|column| !without.iter().any(|without| column == without));
    }
    let bookmarks: Vec<_> = info
        .cursor_field
        .iter()
        .filter(|c| !without.contains(c))
        .collect();
    Ok(json!({
        "type": "SCHEMA",
        "stream": info.name,
        "schema": schema,
        "key_properties": info.primary_key,
        "bookmark_properties": bookmarks,
    }))
}

/// The row goes in as the component wrote it, if every column is wanted.
pub(super) fn record(
    stream: &str,
    row: &str,
    without: &[String],
    now: Timestamp,
) -> Result<String> {
    let chosen = if without.is_empty() {
        None
    } else {
        let mut columns: Map<String, Value> = serde_json::from_str(row)?;
        columns.retain(|column, _| !without.contains(column));
        Some(Value::Object(columns).to_string())
    };
    let (stream, row) = (json!(stream), chosen.as_deref().unwrap_or(row));
    Ok(format!(
        r#"{{"type":"RECORD","stream":{stream},"time_extracted":"{now:.3}","record":{row}}}"#
    ))
}

fn counter(stream: &str, rows: u64) -> Value {
    json!({ "type": "counter", "metric": "record_count", "value": rows, "tags": { "endpoint": stream } })
}

/// How long the run took, and whether it ended well.
pub(super) fn timer(seconds: f64, well: bool) -> Value {
    let status = if well { "succeeded" } else { "failed" };
    json!({
        "type": "timer",
        "metric": "job_duration",
        "value": seconds,
        "tags": { "job_type": "sync", "status": status },
    })
}
