//! The last line of a run: `summary` or `error`, with the same members in both.

use std::time::Instant;

use connector_destinations::progress::{Counts, RunCounts, Verbosity};
use connector_destinations::sqlite::SweepReport;
use connector_destinations::stderr;
use connector_runtime::contract::{FailureKind, Selection};
use connector_runtime::failure::{Failure, Summary};
use connector_runtime::json_view;
use connector_runtime::run::Completed;
use serde_json::{Map, Value, json};

/// What is known of a run besides how it ended.
pub(super) struct RunReport {
    started: Instant,
    counts: RunCounts,
    sweeps: SweepReport,
}

impl RunReport {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            counts: RunCounts::default(),
            sweeps: SweepReport::default(),
        }
    }

    /// The run has begun: it is counted here.
    pub(super) fn watch(&mut self, counts: RunCounts, sweeps: SweepReport) {
        self.counts = counts;
        self.sweeps = sweeps;
    }

    /// Selected streams of which no snapshot was closed.
    pub(super) fn unclosed(&self, selection: &[Selection]) -> Vec<String> {
        let closed = self.counts.get().closed_snapshots;
        let names = selection.iter().map(|selected| &selected.stream);
        names
            .filter(|name| !closed.contains(*name))
            .cloned()
            .collect()
    }

    /// What the user has to decide, where a close would have deleted too much.
    pub(super) fn refused_close(&self, selection: &[Selection], percent: u8) -> Option<String> {
        let refused = self.sweeps.get().refused;
        let refused = refused.iter().filter(|(stream, _)| {
            let mut selection = selection.iter();
            selection.any(|selected| selected.stream == **stream)
        });
        let named: Vec<_> = refused
            .map(|(stream, close)| format!("{stream} ({} of {} rows)", close.rows, close.of))
            .collect();
        if named.is_empty() {
            return None;
        }
        Some(format!(
            "everything was read, but rows that were not found any more were kept, since more than {percent} % of a stream \
             would be deleted: {}. A permission that was taken away looks like this too. If the rows are really gone, run \
             again with --max-delete 100",
            named.join(", ")
        ))
    }

    /// The last line.
    pub(super) fn last_line(&self, ended: &Result<Completed, Failure>) -> Value {
        let mut line = defaults();
        match ended {
            Ok(completed) => {
                line.extend(completed.summary.clone());
                line.insert("requests".to_owned(), completed.usage.requests.into());
                line.insert("memory_bytes".to_owned(), completed.usage.memory.into());
            }
            Err(failure) => {
                if let Value::Object(failure) = json_view::failure(failure) {
                    line.extend(failure);
                }
            }
        }
        self.insert_counts(&mut line, &self.counts.get());
        let kind = if ended.is_ok() { "summary" } else { "error" };
        line.insert("type".to_owned(), kind.into());
        Value::Object(line)
    }

    /// What the host has counted itself wins.
    fn insert_counts(&self, line: &mut Summary, counts: &Counts) {
        let finished = counts.closed_snapshots.iter();
        let snapshots: Map<_, _> = finished.map(|name| (name.clone(), true.into())).collect();
        let waited = line.get("waited_ms").and_then(Value::as_u64);
        let waited = waited.unwrap_or_default().max(counts.waited_ms);
        for (name, value) in [
            ("rows", json!(counts.rows)),
            ("waited_ms", waited.into()),
            ("snapshots", snapshots.into()),
            ("checkpoints", counts.checkpoints.into()),
            ("gone", counts.gone.into()),
            ("swept", json!(self.sweeps.get().swept)),
            ("seconds", self.started.elapsed().as_secs_f64().into()),
        ] {
            line.insert(name.to_owned(), value);
        }
    }

    /// Rows by stream, for a person.
    pub(super) fn print_rows(&self, verbosity: Verbosity) {
        if verbosity > Verbosity::Quiet {
            for (stream, rows) in &self.counts.get().rows {
                stderr::print_line(&format!("{rows:>8}  {stream}"));
            }
        }
    }
}

/// Every member that a caller may rely on.
fn defaults() -> Summary {
    let members = json!({
        "rows": {},
        "requests": 0,
        "waited_ms": 0,
        "unreadable_values": 0,
        "set_aside": [],
        "skipped": [],
        "refused_by_space": {},
        "swept": {},
        "freshness": null,
    });
    serde_json::from_value(members).unwrap_or_default()
}

/// A run that delivered everything, and whose destination kept rows that seem to be gone.
pub(super) fn refused(message: String, completed: Completed) -> Failure {
    let mut details = completed.summary;
    let requests = completed.usage.requests;
    details.insert("requests".to_owned(), requests.into());
    Failure {
        details,
        ..Failure::new(FailureKind::InvalidConfig, message)
    }
}
