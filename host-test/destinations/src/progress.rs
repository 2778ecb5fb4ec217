//! What a person sees of a run: a bar where there is a terminal, plain lines elsewhere, and the final count.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use connector_runtime::output::{Batch, Note, Output};

/// How often a plain line is written.
const EVERY: Duration = Duration::from_secs(5);

/// What a run delivered so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Count {
    /// Rows by stream.
    pub rows: BTreeMap<String, u64>,
    /// Whether each finished stream was delivered whole.
    pub snapshots: BTreeMap<String, bool>,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Pages that had vanished when their details were asked for.
    pub gone: u64,
    /// Milliseconds of waits announced.
    pub waited_ms: u64,
}

/// Counts what goes into `inner`, and shows it.
pub struct Watched<O> {
    inner: O,
    count: Arc<Mutex<Count>>,
    bar: ProgressBar,
    begun: Instant,
    shown: Instant,
}

impl<O: Output> Watched<O> {
    /// Watches `inner`.
    pub fn new(inner: O) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let now = Instant::now();
        Self {
            inner,
            count: Arc::default(),
            bar,
            begun: now,
            shown: now,
        }
    }

    /// The count, also while the run goes on.
    pub fn count(&self) -> Arc<Mutex<Count>> {
        Arc::clone(&self.count)
    }

    fn counting(&self, change: impl FnOnce(&mut Count)) {
        change(&mut self.count.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn show(&mut self, stream: &str) {
        let total: u64 = self
            .count
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rows
            .values()
            .sum();
        let rate = f64::from(u32::try_from(total).unwrap_or(u32::MAX))
            / self.begun.elapsed().as_secs_f64().max(0.001);
        let line = format!("{stream}: {total} rows, {rate:.0}/s");
        if self.bar.is_hidden() && self.shown.elapsed() >= EVERY {
            self.shown = Instant::now();
            eprintln!("{line}");
        }
        self.bar.set_message(line);
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

impl<O: Output> Output for Watched<O> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        let stream = batch.stream.clone();
        let rows = batch.rows.len() as u64;
        self.inner.emit(batch)?;
        self.counting(|count| *count.rows.entry(stream.clone()).or_default() += rows);
        self.show(&stream);
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.inner.checkpoint(state)?;
        self.counting(|count| count.checkpoints += 1);
        Ok(())
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.inner.finished(stream, snapshot)?;
        self.counting(|count| {
            count.rows.entry(stream.to_owned()).or_default();
            count.snapshots.insert(stream.to_owned(), snapshot);
        });
        Ok(())
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Log { level, message } => self.say(&format!("{level}: {message}")),
            Note::Wait { ms, reason } => {
                self.counting(|count| count.waited_ms += ms);
                let line = format!("waiting {} s: {reason}", ms.div_ceil(1000));
                self.say(&line);
                self.bar.set_message(line);
            }
            Note::Gone { page_id } => {
                self.counting(|count| count.gone += 1);
                self.say(&format!(
                    "warn: the page {page_id} vanished before its details could be read"
                ));
            }
            Note::Begin | Note::Other => {}
        }
        self.inner.note(note);
    }
}

impl<O> Drop for Watched<O> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
