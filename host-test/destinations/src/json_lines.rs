//! Events as lines of JSON.

use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result};
use connector_runtime::destination::{Batch, Destination, Row};
use serde::Serialize;

use crate::stdout;

/// One line. Values are serialised here, so that no text of a connector or a server can begin a line of its own.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A snapshot of these streams begins.
    BeginSnapshot {
        /// Their names.
        streams: &'a [String],
    },
    /// Rows of the stream that match a partial key are void.
    Replace {
        /// The stream.
        stream: &'a str,
        /// The partial key.
        #[serde(rename = "where")]
        key: &'a Row,
    },
    /// A row.
    Record {
        /// The stream.
        stream: &'a str,
        /// The row.
        data: &'a Row,
    },
    /// Everything before it was delivered.
    Checkpoint {
        /// Where the next run goes on.
        state: &'a str,
    },
    /// A stream was read to its end.
    Finished {
        /// The stream.
        stream: &'a str,
        /// Whether its snapshot is closed: rows not written since it began no longer exist.
        snapshot: bool,
        /// Partial keys of rows that are spared.
        #[serde(skip_serializing_if = "<[Row]>::is_empty")]
        except: &'a [Row],
    },
}

/// Writes an event as one line.
pub(crate) fn write_line(out: &mut impl Write, event: &Event<'_>) -> Result<()> {
    let line = serde_json::to_string(event)?;
    stdout::write_line(out, &line).context("the output cannot be written")
}

/// Writes that a run ended well and closed no snapshot of these streams.
///
/// # Errors
///
/// The output cannot be written.
pub fn write_finished(out: &mut impl Write, streams: &[String]) -> Result<()> {
    for stream in streams {
        let (snapshot, except) = (false, &[][..]);
        write_line(
            out,
            &Event::Finished {
                stream,
                snapshot,
                except,
            },
        )?;
    }
    out.flush().context("the output cannot be written")
}

/// Writes every event as one line. What is written is flushed at each checkpoint.
#[derive(Debug)]
pub struct JsonLines<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, out),
        }
    }

    fn write_event(&mut self, event: &Event<'_>) -> Result<()> {
        write_line(&mut self.out, event)
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().context("the output cannot be written")
    }
}

impl<W: Write + Send> Destination for JsonLines<W> {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.write_event(&Event::BeginSnapshot { streams })
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let stream = &batch.stream;
        for key in &batch.replaces {
            self.write_event(&Event::Replace { stream, key })?;
        }
        for data in &batch.rows {
            self.write_event(&Event::Record { stream, data })?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.write_event(&Event::Checkpoint { state })?;
        self.flush()
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        let snapshot = true;
        self.write_event(&Event::Finished {
            stream,
            snapshot,
            except,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::testing::{row, rows};

    #[test]
    fn each_event_is_one_line() {
        let mut lines = JsonLines::new(Vec::new());
        lines.begin_snapshot(&["order".to_owned()]).unwrap();
        let mut batch = rows("order", [json!({ "group": "a\n{}", "number": 1 })]);
        batch.replaces.push(row(json!({ "group": "a" })));
        lines.write(batch).unwrap();
        lines.end_snapshot("order", &[]).unwrap();
        let except = [row(json!({ "group": "b" }))];
        lines.end_snapshot("order", &except).unwrap();
        lines.checkpoint("s\n").unwrap();
        let text = String::from_utf8(lines.out.into_inner().unwrap()).unwrap();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                r#"{"type":"begin_snapshot","streams":["order"]}"#,
                r#"{"type":"replace","stream":"order","where":{"group":"a"}}"#,
                r#"{"type":"record","stream":"order","data":{"group":"a\n{}","number":1}}"#,
                r#"{"type":"finished","stream":"order","snapshot":true}"#,
                r#"{"type":"finished","stream":"order","snapshot":true,"except":[{"group":"b"}]}"#,
                r#"{"type":"checkpoint","state":"s\n"}"#,
            ]
        );
    }
}
