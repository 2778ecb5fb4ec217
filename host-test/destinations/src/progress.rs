//! What a person sees of a run: a bar on a terminal, a line every few seconds elsewhere, and the counts of its end.

mod display;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use connector_runtime::destination::{Batch, Destination, Note, Row};
use serde::Serialize;

pub use self::display::Verbosity;
use self::display::{Display, Position, Totals};

/// What a run delivered so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Rows by stream.
    pub rows: BTreeMap<String, u64>,
    /// Streams whose snapshot was closed.
    pub closed_snapshots: BTreeSet<String>,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Items that had vanished when their details were asked for.
    pub gone: u64,
    /// Milliseconds of waits announced.
    pub waited_ms: u64,
}

/// The counts of a run, readable while the destination belongs to the run.
#[derive(Debug, Clone, Default)]
pub struct RunCounts(Arc<Mutex<Counts>>);

impl RunCounts {
    /// The counts so far.
    #[must_use]
    pub fn get(&self) -> Counts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn update(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn total(&self) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.rows.values().sum()
    }
}

/// Counts what goes into `inner`, and shows it.
pub struct ProgressOutput<D> {
    inner: D,
    counts: RunCounts,
    display: Display,
    position: Option<Position>,
    sent: Option<SentRequests>,
}

/// Says how many requests a run has sent so far.
type SentRequests = Box<dyn Fn() -> u64 + Send>;

impl<D: Destination> ProgressOutput<D> {
    /// Shows what goes into `inner`.
    pub fn new(inner: D, verbosity: Verbosity) -> Self {
        Self {
            inner,
            counts: RunCounts::default(),
            display: Display::new(verbosity),
            position: None,
            sent: None,
        }
    }

    /// Shows also how many requests the run has sent so far.
    #[must_use]
    pub fn with_requests(self, sent: impl Fn() -> u64 + Send + 'static) -> Self {
        Self {
            sent: Some(Box::new(sent)),
            ..self
        }
    }

    /// The counts, also while the run goes on.
    pub fn counts(&self) -> RunCounts {
        self.counts.clone()
    }

    fn show(&mut self) {
        let totals = Totals {
            rows: self.counts.total(),
            requests: self.sent.as_ref().map(|sent| sent()),
        };
        self.display.show(self.position, totals);
    }
}

impl<D: Destination> Destination for ProgressOutput<D> {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.inner.begin_snapshot(streams)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let (stream, rows) = (batch.stream.clone(), batch.rows.len() as u64);
        self.inner.write(batch)?;
        self.counts
            .update(|counts| *counts.rows.entry(stream).or_default() += rows);
        self.show();
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.inner.checkpoint(state)?;
        self.counts.update(|counts| counts.checkpoints += 1);
        Ok(())
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.inner.end_snapshot(stream, except)?;
        self.counts.update(|counts| {
            counts.rows.entry(stream.to_owned()).or_default();
            counts.closed_snapshots.insert(stream.to_owned());
        });
        Ok(())
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Log { level, message } => self.display.log(level, message),
            Note::Wait { ms, reason } => {
                self.counts
                    .update(|counts| counts.waited_ms = counts.waited_ms.saturating_add(*ms));
                self.display.wait(*ms, reason);
            }
            Note::Gone { page_id } => {
                self.counts.update(|counts| counts.gone += 1);
                let message =
                    format!("the page {page_id} vanished before its details could be read");
                self.display.log("warn", &message);
            }
            Note::Progress { done, total } => {
                self.position = Some(Position {
                    done: *done,
                    total: *total,
                });
                self.show();
            }
            Note::Other => {}
        }
        self.inner.note(note);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::testing::{Recorder, rows};

    #[test]
    fn what_is_delivered_is_counted() {
        let mut output = ProgressOutput::new(Recorder::default(), Verbosity::Quiet);
        let counts = output.counts();
        output
            .write(rows("order", [json!({ "group": "a" }), json!({})]))
            .unwrap();
        for ms in [1_000, u64::MAX] {
            let reason = "rate limit".to_owned();
            output.note(&Note::Wait { ms, reason });
        }
        output.end_snapshot("empty", &[]).unwrap();
        output.checkpoint("s").unwrap();
        let counts = counts.get();
        let rows = [("order".to_owned(), 2), ("empty".to_owned(), 0)];
        assert_eq!(counts.rows, rows.into());
        assert_eq!(counts.closed_snapshots, ["empty".to_owned()].into());
        assert_eq!((counts.checkpoints, counts.waited_ms), (1, u64::MAX));
        assert_eq!(output.inner.0.len(), 3);
    }
}
