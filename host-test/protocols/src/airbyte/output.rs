//! A run as Airbyte messages.

use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::messages::{self, Status};
use super::state::StreamState;
use connector_runtime::engine::{Mode, Selection};
use connector_runtime::output::{Batch, Note, Output};

/// Writes every event as messages. What is written is flushed at each checkpoint and note.
///
/// The protocol has no word for rows that are gone: replacements are left out.
pub(super) struct Airbyte<W: Write> {
    out: BufWriter<W>,
    streams: Vec<Stream>,
    checkpoint: u64,
    now: fn() -> u64,
}

struct Stream {
    name: String,
    whole: bool,
    finished: bool,
    running: bool,
    rows: u32,
}

impl<W: Write> Airbyte<W> {
    /// Writes to `out` about the streams of a run that follows the checkpoint of this number.
    pub(super) fn new(out: W, selection: &[Selection], checkpoint: u64, now: fn() -> u64) -> Self {
        let stream = |selected: &Selection| Stream {
            name: selected.stream.clone(),
            whole: selected.mode == Mode::Full,
            finished: false,
            running: false,
            rows: 0,
        };
        Self {
            out: BufWriter::with_capacity(64 * 1024, out),
            streams: selection.iter().map(stream).collect(),
            checkpoint,
            now,
        }
    }

    fn stream(&mut self, name: &str) -> Result<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        streams
            .find(|stream| stream.name == name)
            .with_context(|| format!("the stream {name} was not selected"))
    }

    fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").context("standard output can't be written")
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().context("standard output can't be written")
    }

    fn log(&mut self, level: &str, message: &str) {
        // Who doesn't take notes doesn't take rows either, and says so there.
        let _ = self.line(&messages::log(level, message).to_string());
        let _ = self.flush();
    }

    fn states(&self, state: &str) -> Vec<Value> {
        let states = self.streams.iter().map(|stream| {
            let kept = StreamState {
                state: state.to_owned(),
                checkpoint: self.checkpoint,
                finished: stream.finished,
                whole: stream.whole,
            };
            messages::state(&stream.name, &kept, stream.rows)
        });
        states.collect()
    }
}

impl<W: Write + Send> Output for Airbyte<W> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        let now = (self.now)();
        let rows = u32::try_from(batch.rows.len())?;
        let stream = self.stream(&batch.stream)?;
        stream.rows += rows;
        if !stream.running && rows > 0 {
            stream.running = true;
            let running = messages::stream_status(&batch.stream, Status::Running, now);
            self.line(&running.to_string())?;
        }
        let mut rows = batch.rows.iter();
        rows.try_for_each(|row| self.line(&messages::record(&batch.stream, row, now)))
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.checkpoint += 1;
        for message in self.states(state) {
            self.line(&message.to_string())?;
        }
        self.streams.iter_mut().for_each(|stream| stream.rows = 0);
        self.flush()
    }

    fn finished(&mut self, stream: &str, _: bool) -> Result<()> {
        self.stream(stream)?.finished = true;
        Ok(())
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Log { level, message } => self.log(&level.to_uppercase(), message),
            Note::Wait { ms, reason } => {
                let message = format!("waiting {} s: {reason}", ms.div_ceil(1000));
                self.log("INFO", &message);
            }
            Note::Gone { page_id } => {
                let message =
                    format!("the page {page_id} vanished before its details could be read");
                self.log("WARN", &message);
            }
            Note::Begin | Note::Other => {}
        }
    }
}
