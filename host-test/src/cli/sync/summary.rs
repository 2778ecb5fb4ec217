//! The last line of a run: `summary` or `error`, with the same members in both.

use std::time::Instant;

use connector_destinations::progress::{Counts, RunCounts, Verbosity};
use connector_destinations::sqlite::{self, SweepReport};
use connector_destinations::stderr;
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::{FailureKind, Selection};
use connector_runtime::failure::{Failure, Summary};
use connector_runtime::json_view;
use connector_runtime::run::Completed;
use serde_json::{Map, Value, json};

use super::members;

/// What is known of a run besides how it ended.
pub(super) struct RunReport {
    started: Instant,
    counts: RunCounts,
    sweeps: SweepReport,
    connection: Option<TenantConnection>,
}

impl RunReport {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            counts: RunCounts::default(),
            sweeps: SweepReport::default(),
            connection: None,
        }
    }

    /// The run has begun: it is counted here.
    pub(super) fn watch(
        &mut self,
        counts: RunCounts,
        sweeps: SweepReport,
        connection: &TenantConnection,
    ) {
        self.connection = Some(connection.clone());
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

    /// How a run ended whose destination may have kept rows that seem to be gone: with what the user has to decide, whether
    /// or not everything was read.
    pub(super) fn with_refused_closes(
        &self,
        ended: Result<Completed, Failure>,
        percent: u8,
    ) -> Result<Completed, Failure> {
        let refused = self.sweeps.get().refused;
        if refused.is_empty() {
            return ended;
        }
        let decide = format!(
            "rows that were not found any more were kept, since more than {percent} % of a stream would be deleted: {}. A \
             permission that was taken away looks like this too. If the rows are really gone, run again with --max-delete \
             100; if another run has come in between, with --mode full too",
            sqlite::describe(&refused)
        );
        match ended {
            Ok(completed) => {
                let message = format!("everything was read, but {decide}");
                Err(refused_by_destination(message, completed))
            }
            Err(failure) => Err(Failure {
                message: format!("{}; besides, {decide}", failure.message),
                ..failure
            }),
        }
    }

    /// Reminds of rows that an earlier run was not allowed to delete. That run has failed; this one has not.
    pub(super) fn warn_of_remembered_closes(&self) {
        let remembered = self.sweeps.get().remembered;
        if !remembered.is_empty() {
            stderr::warn(&format!(
                "an earlier run did not find all rows any more, and what it was not allowed to delete is still there: {}",
                sqlite::describe(&remembered)
            ));
        }
    }

    /// The last line.
    pub(super) fn last_line(&self, ended: &Result<Completed, Failure>) -> Value {
        let mut line = defaults();
        match ended {
            Ok(completed) => {
                line.extend(members::reliable(&completed.summary));
                line.insert("memory_bytes".to_owned(), completed.usage.memory.into());
            }
            Err(failure) => {
                let failure = Failure {
                    details: members::reliable(&failure.details),
                    ..failure.clone()
                };
                if let Value::Object(failure) = json_view::failure(&failure) {
                    line.extend(failure);
                }
            }
        }
        self.insert_counts(&mut line, &self.counts.get());
        let kind = if ended.is_ok() { "summary" } else { "error" };
        line.insert("type".to_owned(), kind.into());
        Value::Object(line)
    }

    /// Says which members of the component's summary are left out.
    pub(super) fn warn_of_wrong_members(ended: &Result<Completed, Failure>) {
        let summary = match ended {
            Ok(completed) => &completed.summary,
            Err(failure) => &failure.details,
        };
        let wrong = members::of_wrong_type(summary);
        if !wrong.is_empty() {
            stderr::warn(&format!(
                "the component's summary is left out where a member is of another type than the contract's: {}",
                wrong.join(", ")
            ));
        }
    }

    /// What the host has counted itself.
    fn insert_counts(&self, line: &mut Summary, counts: &Counts) {
        let finished = counts.closed_snapshots.iter();
        let snapshots: Map<_, _> = finished.map(|name| (name.clone(), true.into())).collect();
        let waited = line.get("waited_ms").and_then(Value::as_u64);
        let waited = waited.unwrap_or_default().max(counts.waited_ms);
        let requests = self.connection.as_ref();
        let requests = requests.map_or(0, TenantConnection::sent_requests);
        for (name, value) in [
            ("requests", requests.into()),
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
        let waiting = self.sweeps.get().waiting();
        if !waiting.is_empty() {
            line.insert("refused_closes".to_owned(), json!(waiting));
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
fn refused_by_destination(message: String, completed: Completed) -> Failure {
    Failure {
        details: completed.summary,
        ..Failure::new(FailureKind::InvalidConfig, message)
    }
}
