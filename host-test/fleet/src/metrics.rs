//! What a worker has done, in the form of OpenMetrics, at `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::policy::Ending;
use crate::runner::Report;
use connector_runtime::json_view;

/// How long a reader may take.
const READER: Duration = Duration::from_secs(5);

/// The counters of one worker. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Counters>>);

#[derive(Debug, Default)]
struct Counters {
    running: u64,
    connections: BTreeMap<String, Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    rows: u64,
    requests: u64,
    cpu: Duration,
    endings: BTreeMap<&'static str, u64>,
}

impl Metrics {
    /// A run begins.
    pub fn begin(&self) {
        self.counters().running += 1;
    }

    /// A run of a connection ended.
    pub fn end(&self, connection: &str, report: &Report) {
        let mut counters = self.counters();
        counters.running = counters.running.saturating_sub(1);
        let totals = counters
            .connections
            .entry(connection.to_owned())
            .or_default();
        totals.rows += report.rows;
        totals.requests += report.requests;
        totals.cpu += report.cpu;
        let ending = match &report.ending {
            Ending::Succeeded => "succeeded",
            Ending::HandedOn => "handed_on",
            Ending::Failed { kind, .. } => json_view::kind(*kind),
        };
        *totals.endings.entry(ending).or_default() += 1;
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text that a scraper reads.
    #[must_use]
    pub fn text(&self) -> String {
        let counters = self.counters();
        let mut text = format!(
            "# TYPE confluence_fleet_running gauge\nconfluence_fleet_running {}\n",
            counters.running
        );
        family(&mut text, &counters, "rows", "Rows delivered", |totals| {
            totals.rows.to_string()
        });
        family(
            &mut text,
            &counters,
            "requests",
            "Requests sent",
            |totals| totals.requests.to_string(),
        );
        family(
            &mut text,
            &counters,
            "cpu_seconds",
            "Time of the processor",
            |totals| format!("{:.3}", totals.cpu.as_secs_f64()),
        );
        text.push_str("# HELP confluence_fleet_runs Runs that ended, by ending\n# TYPE confluence_fleet_runs counter\n");
        for (connection, totals) in &counters.connections {
            for (ending, runs) in &totals.endings {
                let connection = escape(connection);
                let _ = writeln!(
                    text,
                    "confluence_fleet_runs_total{{connection=\"{connection}\",ending=\"{ending}\"}} {runs}"
                );
            }
        }
        text.push_str("# EOF\n");
        text
    }
}

fn family(
    text: &mut String,
    counters: &Counters,
    name: &str,
    help: &str,
    value: impl Fn(&Totals) -> String,
) {
    let _ = write!(
        text,
        "# HELP confluence_fleet_{name} {help}\n# TYPE confluence_fleet_{name} counter\n"
    );
    for (connection, totals) in &counters.connections {
        let (connection, value) = (escape(connection), value(totals));
        let _ = writeln!(
            text,
            "confluence_fleet_{name}_total{{connection=\"{connection}\"}} {value}"
        );
    }
}

fn escape(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Serves the counters at an address until the task is dropped.
///
/// # Errors
///
/// The address cannot be used.
pub async fn serve(address: SocketAddr, metrics: Metrics) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = timeout(READER, answer(stream, &metrics)).await;
        }
    });
    Ok(bound)
}

/// Reads the head of one request and answers it.
async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut head = Vec::new();
    while head.len() < 8_192 && !head.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 512];
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            break;
        }
        head.extend(bytes.iter().take(read));
    }
    let (status, body) = if head.starts_with(b"GET /metrics ") {
        ("200 OK", metrics.text())
    } else {
        ("404 Not Found", String::new())
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}
