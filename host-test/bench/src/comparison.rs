//! The component against the native client.

use std::time::Instant;

use anyhow::{Result, bail};
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::Selection;
use connector_runtime::runtime::{Runtime, SyncRequest, Usage};
use serde::{Deserialize, Serialize};

use crate::counting::RowCounter;
use crate::run::{Measurement, RunRequest};
use crate::statistics::{cpu_seconds, median, status_kib};
use crate::{connect, mock, native, select_all};

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// The component in wasmtime.
    Component,
    /// The same code, native.
    Native,
}

/// What one run took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Run {
    /// Seconds from the call to its end.
    pub wall_s: f64,
    /// Seconds of the processor that the process used for it.
    pub cpu_s: f64,
    /// Requests sent.
    pub requests: u64,
    /// Rows delivered.
    pub rows: u64,
    /// Bytes of linear memory at most; 0 for the native client.
    pub linear_memory: usize,
    /// KiB of resident memory at most.
    pub peak_rss_kib: u64,
}

/// The component against the native client at one latency.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Milliseconds before each answer.
    pub latency_ms: u64,
    /// Pages of the site.
    pub pages: usize,
    /// Medians of the component's runs.
    pub component: Run,
    /// Medians of the native runs.
    pub native: Run,
    /// Median over the pairs of component's wall time by native wall time.
    pub ratio: f64,
    /// Requests in flight on average over the component's run, as the mock sees them.
    pub in_flight: f64,
}

/// Compares the two clients at one latency, in pairs of processes.
///
/// # Errors
///
/// A run fails, or the two do not deliver the same.
pub async fn compare(latency_ms: u64, pages: usize, pairs: usize) -> Result<Comparison> {
    let mock = mock(pages, latency_ms)?;
    let config = mock.config_json().to_string();
    let request = |client| RunRequest {
        component: None,
        config: config.clone(),
        measurement: Measurement::Client(client),
    };
    let (mut component, mut native, mut ratios, mut in_flight) = (vec![], vec![], vec![], vec![]);
    for _ in 0..pairs {
        mock.clear_requests();
        let sandboxed: Run = request(Client::Component).in_child().await?;
        in_flight.push(mock.mean_in_flight());
        let bare: Run = request(Client::Native).in_child().await?;
        if (sandboxed.rows, sandboxed.requests) != (bare.rows, bare.requests) {
            bail!("the two clients differ: {sandboxed:?} and {bare:?}");
        }
        ratios.push(sandboxed.wall_s / bare.wall_s);
        component.push(sandboxed);
        native.push(bare);
    }
    Ok(Comparison {
        latency_ms,
        pages,
        component: summarize(&component),
        native: summarize(&native),
        ratio: median(ratios),
        in_flight: median(in_flight),
    })
}

/// Medians of what varies, maxima of memory.
fn summarize(runs: &[Run]) -> Run {
    let maximum = |figure: fn(&Run) -> u64| runs.iter().map(figure).max().unwrap_or_default();
    Run {
        wall_s: median(runs.iter().map(|run| run.wall_s)),
        cpu_s: median(runs.iter().map(|run| run.cpu_s)),
        requests: maximum(|run| run.requests),
        rows: maximum(|run| run.rows),
        linear_memory: runs
            .iter()
            .map(|run| run.linear_memory)
            .max()
            .unwrap_or_default(),
        peak_rss_kib: maximum(|run| run.peak_rss_kib),
    }
}

/// Measures one run in this process, on threads of its own, as the command has them.
pub(crate) fn measure(client: Client, request: &RunRequest) -> Result<Run> {
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match client {
        Client::Native => {
            let stopwatch = Stopwatch::start();
            let sent = threads.block_on(Box::pin(native::sync(&request.config)))?;
            Ok(stopwatch.stop(sent.requests, sent.rows, 0))
        }
        // A task of its own, as every call of a service is: it shares a thread with the connections that it waits for.
        Client::Component => {
            let run = threads.spawn(measure_component(request.clone()));
            threads.block_on(run)?
        }
    }
}

async fn measure_component(request: RunRequest) -> Result<Run> {
    let runtime = Runtime::load(&request.source()).await?;
    let selection = select_all(&runtime);
    let connection = connect(&runtime, &request.config)?;
    let stopwatch = Stopwatch::start();
    let (usage, rows) = sync(&runtime, &connection, &selection).await?;
    Ok(stopwatch.stop(usage.requests, rows, usage.memory))
}

struct Stopwatch {
    started: Instant,
    cpu_s: f64,
}

impl Stopwatch {
    fn start() -> Self {
        let cpu_s = cpu_seconds();
        let started = Instant::now();
        Self { started, cpu_s }
    }

    fn stop(&self, requests: u64, rows: u64, linear_memory: usize) -> Run {
        Run {
            wall_s: self.started.elapsed().as_secs_f64(),
            cpu_s: cpu_seconds() - self.cpu_s,
            requests,
            rows,
            linear_memory,
            peak_rss_kib: status_kib("VmHWM"),
        }
    }
}

/// Runs the component once. What it used, and how many rows it delivered.
pub(crate) async fn sync(
    runtime: &Runtime,
    connection: &TenantConnection,
    selection: &[Selection],
) -> Result<(Usage, u64)> {
    let counter = RowCounter::default();
    let request = SyncRequest {
        selection,
        ..SyncRequest::default()
    };
    let outcome = runtime
        .sync(connection, request, Box::new(counter.clone()))
        .await?;
    if let Err(failure) = outcome.result {
        bail!("the sync failed: {}", failure.message);
    }
    Ok((outcome.usage, counter.rows()))
}
