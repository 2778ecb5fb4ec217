//! A run as Airbyte messages.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::destination::{Batch, Destination, Note, Row};
use serde_json::Value;

use super::messages::{self, Status};
use super::state::StreamState;
use crate::line_writer::LineWriter;

/// Writes every event as messages. What is written is flushed at each checkpoint and note.
///
/// The protocol has no message for rows that are gone: replacements and the ends of snapshots are left out.
pub(super) struct AirbyteOutput<W: Write> {
    out: LineWriter<W>,
    streams: Vec<StreamProgress>,
    last: LastCheckpoint,
    now: fn() -> u64,
}

struct StreamProgress {
    name: String,
    status: Status,
    rows: u32,
}

/// The last checkpoint of a run, readable after the destination is gone.
#[derive(Debug, Clone)]
pub(super) struct LastCheckpoint {
    selection: Arc<[Selection]>,
    reached: Arc<Mutex<Reached>>,
}

#[derive(Debug, Clone, Default)]
struct Reached {
    number: u64,
    state: Option<String>,
}

/// How far a run is, as its states say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunPhase {
    Running,
    Ended,
}

impl LastCheckpoint {
    /// A run that begins with this state, of the checkpoint of this number.
    pub(super) fn new(selection: &[Selection], number: u64, state: Option<&str>) -> Self {
        let state = state.map(str::to_owned);
        Self {
            selection: selection.into(),
            reached: Arc::new(Mutex::new(Reached { number, state })),
        }
    }

    fn advance(&self, state: &str) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.number = reached.number.saturating_add(1);
        reached.state = Some(state.to_owned());
    }

    /// A message for each stream; `rows` are those since its last state.
    pub(super) fn states(&self, phase: RunPhase, rows: impl Fn(&str) -> u32) -> Vec<Value> {
        let reached = self
            .reached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(state) = reached.state else {
            return Vec::new();
        };
        let states = self.selection.iter().map(|selected| {
            let kept = StreamState {
                state: state.clone(),
                checkpoint: reached.number,
                finished: phase == RunPhase::Ended,
                whole: selected.mode == Mode::Full,
            };
            messages::state(&selected.stream, &kept, rows(&selected.stream))
        });
        states.collect()
    }
}

impl<W: Write> AirbyteOutput<W> {
    /// Writes to `out` about the streams of a run.
    pub(super) fn new(out: W, last: LastCheckpoint, now: fn() -> u64) -> Self {
        let stream = |selected: &Selection| StreamProgress {
            name: selected.stream.clone(),
            status: Status::Started,
            rows: 0,
        };
        Self {
            out: LineWriter::new(out),
            streams: last.selection.iter().map(stream).collect(),
            last,
            now,
        }
    }

    fn log(&mut self, level: &str, message: &str) {
        // A reader that takes no notes takes no rows either, and that is reported there.
        let _ = self.out.write(&messages::log(level, message));
        let _ = self.out.flush();
    }
}

impl<W: Write + Send> Destination for AirbyteOutput<W> {
    fn begin_snapshot(&mut self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let now = (self.now)();
        let mut streams = self.streams.iter_mut();
        let stream = streams.find(|stream| stream.name == batch.stream);
        let stream =
            stream.with_context(|| format!("the stream {} was not selected", batch.stream))?;
        stream.rows += u32::try_from(batch.rows.len())?;
        if stream.status == Status::Started && !batch.rows.is_empty() {
            stream.status = Status::Running;
            let running = messages::stream_status(&batch.stream, Status::Running, now);
            self.out.write(&running)?;
        }
        let mut rows = batch.rows.iter();
        rows.try_for_each(|row| self.out.write(&messages::record(&batch.stream, row, now)))
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.last.advance(state);
        let rows = |name: &str| {
            let mut streams = self.streams.iter();
            let stream = streams.find(|stream| stream.name == name);
            stream.map_or(0, |stream| stream.rows)
        };
        for message in self.last.states(RunPhase::Running, rows) {
            self.out.write(&message)?;
        }
        self.streams.iter_mut().for_each(|stream| stream.rows = 0);
        self.out.flush()
    }

    fn end_snapshot(&mut self, _: &str, _: &[Row]) -> Result<()> {
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
            Note::Progress { .. } | Note::Other => {}
        }
    }
}
