//! Events as lines of JSON.

use std::io::Write;

use anyhow::{Context as _, Result};
use serde_json::{json, value::RawValue};

use super::{Batch, Output};

/// Writes every event as one line. What is written is flushed at each checkpoint.
#[derive(Debug)]
pub struct Jsonl<W: Write> {
    out: std::io::BufWriter<W>,
}

impl<W: Write + Send> Jsonl<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: std::io::BufWriter::with_capacity(64 * 1024, out),
        }
    }

    fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").context("the output can't be written")
    }
}

impl<W: Write + Send> Output for Jsonl<W> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        let stream = json!(batch.stream);
        for key in &batch.replaces {
            let key: &RawValue = serde_json::from_str(key).context("a key that is no JSON")?;
            self.line(&format!(
                r#"{{"type":"replace","stream":{stream},"where":{key}}}"#
            ))?;
        }
        for row in &batch.rows {
            self.line(&format!(
                r#"{{"type":"record","stream":{stream},"data":{row}}}"#
            ))?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.line(&json!({ "type": "checkpoint", "state": state }).to_string())?;
        self.out.flush().context("the output can't be written")
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.line(
            &json!({ "type": "finished", "stream": stream, "snapshot": snapshot }).to_string(),
        )
    }
}
