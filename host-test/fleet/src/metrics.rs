//! What a worker has done, in the form of OpenMetrics, at `/metrics`.
//!
//! Sums are counters and the last run's figures are gauges, both by connection; how late runs begin is a histogram of
//! the whole worker. The number of series is bounded: the first 1,000 connections that a worker runs have series of their
//! own, at most 18 each; all others share those whose label `connection` is empty.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connector_runtime::json_view;

use crate::lease::Lease;
use crate::policy::Ending;
use crate::runner::Report;

mod endpoint;

pub use endpoint::serve;

/// Connections that have series of their own.
const MAX_CONNECTIONS: usize = 1_000;

/// Upper bounds of the histogram's buckets, in seconds.
const LAG_BUCKETS: [f64; 8] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0];

/// The metrics of one worker. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    running: u64,
    /// Runs by bucket, the last for what is beyond all bounds.
    lags: [u64; LAG_BUCKETS.len() + 1],
    lag_sum: Duration,
    connections: BTreeMap<String, Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    rows: u64,
    requests: u64,
    cpu: Duration,
    waited: Duration,
    endings: BTreeMap<&'static str, u64>,
    last_memory: u64,
    last_lag: Duration,
}

impl Metrics {
    /// A run begins so long after it was due.
    pub fn begin(&self, lag: Duration) {
        let mut state = self.state();
        state.running += 1;
        state.lag_sum += lag;
        let late = |bound: &&f64| lag.as_secs_f64() > **bound;
        let bucket = LAG_BUCKETS.iter().take_while(late).count();
        if let Some(runs) = state.lags.get_mut(bucket) {
            *runs += 1;
        }
    }

    /// A run of a connection ended.
    pub fn end(&self, lease: &Lease, report: &Report) {
        let mut state = self.state();
        state.running = state.running.saturating_sub(1);
        let totals = state.totals(&lease.name);
        totals.rows += report.rows;
        totals.requests += report.requests;
        totals.cpu += report.cpu;
        totals.waited += report.waited;
        totals.last_memory = report.memory;
        totals.last_lag = lease.lag;
        let ending = match &report.ending {
            Ending::Succeeded => "succeeded",
            Ending::HandedOn => "handed_on",
            Ending::Failed { kind, .. } => json_view::kind(*kind),
        };
        *totals.endings.entry(ending).or_default() += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text that a scraper reads.
    #[must_use]
    pub fn text(&self) -> String {
        let state = self.state();
        let mut text = String::new();
        head(&mut text, "running", "gauge", "Runs under way");
        let _ = writeln!(text, "confluence_fleet_running {}", state.running);
        state.write_lags(&mut text);
        for (name, kind, help, value) in FAMILIES {
            head(&mut text, name, kind, help);
            let suffix = if kind == "counter" { "_total" } else { "" };
            for (connection, totals) in &state.connections {
                let (connection, value) = (escape(connection), value(totals));
                let _ = writeln!(
                    text,
                    "confluence_fleet_{name}{suffix}{{connection=\"{connection}\"}} {value}"
                );
            }
        }
        state.write_runs(&mut text);
        text.push_str("# EOF\n");
        text
    }
}

/// A family with one series a connection: its name, its type, what it says, and its value.
type Family = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Totals) -> String,
);

const FAMILIES: [Family; 6] = [
    ("rows", "counter", "Rows delivered", |totals| {
        totals.rows.to_string()
    }),
    ("requests", "counter", "Requests sent", |totals| {
        totals.requests.to_string()
    }),
    (
        "cpu_seconds",
        "counter",
        "Processor time of the component and of its connections",
        |totals| seconds(totals.cpu),
    ),
    (
        "wait_seconds",
        "counter",
        "Time that runs waited because the service asked for it",
        |totals| seconds(totals.waited),
    ),
    (
        "last_memory_bytes",
        "gauge",
        "Memory of the component at most, in the last run",
        |totals| totals.last_memory.to_string(),
    ),
    (
        "last_lag_seconds",
        "gauge",
        "How long after it was due the last run began",
        |totals| seconds(totals.last_lag),
    ),
];

impl State {
    fn totals(&mut self, connection: &str) -> &mut Totals {
        let is_own =
            self.connections.contains_key(connection) || self.connections.len() < MAX_CONNECTIONS;
        let name = if is_own { connection } else { "" };
        self.connections.entry(name.to_owned()).or_default()
    }

    fn write_lags(&self, text: &mut String) {
        head(
            text,
            "lag_seconds",
            "histogram",
            "How long after they were due runs began",
        );
        let bounds = LAG_BUCKETS.map(|bound| format!("{bound:?}"));
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        let mut runs = 0;
        for (bound, more) in bounds.zip(self.lags) {
            runs += more;
            let _ = writeln!(
                text,
                "confluence_fleet_lag_seconds_bucket{{le=\"{bound}\"}} {runs}"
            );
        }
        let sum = seconds(self.lag_sum);
        let _ = writeln!(
            text,
            "confluence_fleet_lag_seconds_count {runs}\nconfluence_fleet_lag_seconds_sum {sum}"
        );
    }

    fn write_runs(&self, text: &mut String) {
        head(text, "runs", "counter", "Runs that ended, by ending");
        for (connection, totals) in &self.connections {
            let connection = escape(connection);
            for (ending, runs) in &totals.endings {
                let _ = writeln!(
                    text,
                    "confluence_fleet_runs_total{{connection=\"{connection}\",ending=\"{ending}\"}} {runs}"
                );
            }
        }
    }
}

/// What precedes the samples of a family.
fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# TYPE confluence_fleet_{name} {kind}");
    for unit in ["seconds", "bytes"] {
        if name.ends_with(unit) {
            let _ = writeln!(text, "# UNIT confluence_fleet_{name} {unit}");
        }
    }
    let _ = writeln!(text, "# HELP confluence_fleet_{name} {help}");
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

fn escape(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(connection: usize, lag_s: u64, memory: u64) -> (Lease, Report) {
        let lease = Lease {
            name: format!("c\"{connection}"),
            lag: Duration::from_secs(lag_s),
            ..Lease::default()
        };
        let report = Report {
            rows: 3,
            requests: 2,
            cpu: Duration::from_millis(250),
            waited: Duration::from_millis(1_500),
            memory,
            ..Report::default()
        };
        (lease, report)
    }

    fn metrics(runs: impl IntoIterator<Item = (Lease, Report)>) -> String {
        let metrics = Metrics::default();
        for (lease, report) in runs {
            metrics.begin(lease.lag);
            metrics.end(&lease, &report);
        }
        metrics.text()
    }

    #[test]
    fn counters_add_up_and_gauges_are_those_of_the_last_run() {
        let text = metrics([run(1, 2, 100), run(1, 90, 70)]);
        for line in [
            "# TYPE confluence_fleet_lag_seconds histogram",
            "# UNIT confluence_fleet_lag_seconds seconds",
            "confluence_fleet_lag_seconds_bucket{le=\"1.0\"} 0",
            "confluence_fleet_lag_seconds_bucket{le=\"5.0\"} 1",
            "confluence_fleet_lag_seconds_bucket{le=\"300.0\"} 2",
            "confluence_fleet_lag_seconds_bucket{le=\"+Inf\"} 2",
            "confluence_fleet_lag_seconds_count 2",
            "confluence_fleet_lag_seconds_sum 92.000",
            "confluence_fleet_cpu_seconds_total{connection=\"c\\\"1\"} 0.500",
            "confluence_fleet_wait_seconds_total{connection=\"c\\\"1\"} 3.000",
            "confluence_fleet_last_memory_bytes{connection=\"c\\\"1\"} 70",
            "confluence_fleet_last_lag_seconds{connection=\"c\\\"1\"} 90.000",
            "confluence_fleet_runs_total{connection=\"c\\\"1\",ending=\"succeeded\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(text.ends_with("\n# EOF\n"));
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let text = metrics((0..1_500).map(|connection| run(connection, 0, 1)));
        let rows = text.lines().filter(|line| line.contains("_rows_total{"));
        assert_eq!(rows.count(), MAX_CONNECTIONS + 1);
        let others = "confluence_fleet_rows_total{connection=\"\"} 1500";
        assert!(text.contains(others), "500 runs of three rows share it");
    }
}
