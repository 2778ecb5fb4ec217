//! What the sandbox costs: the component against a native client, and many tenants at once.
//!
//! Every run is a process of its own, so that its processor time and its memory are its own; the mock is in
//! the process that compares them. Machines are noisy, so runs are paired and medians told.

pub mod crowd;

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use confluence_component::COMPONENT;
use connector_runtime::connection::Connection;
use connector_runtime::engine::{ComponentSource, Mode, Runtime, Selection};
use connector_runtime::limits::Limits;
use connector_runtime::output::{Batch, Output};
use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};

/// What one run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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

/// How quickly a call gets going, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StartUp {
    /// Compiling the component.
    pub compile_ms: f64,
    /// Loading it precompiled, with an engine and its pool, most of it.
    pub load_ms: f64,
    /// From a call to its instance.
    pub instantiate_ms: f64,
    /// From a call to its first request.
    pub first_request_ms: f64,
    /// Bytes of the component.
    pub component_bytes: usize,
}

/// Measures one run in this process, on threads of its own, as the command has them.
///
/// # Errors
///
/// The run fails.
pub fn measure(client: Client, config: &str) -> Result<Run> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (begun, cpu, done) = match client {
        Client::Native => {
            let (begun, cpu) = (Instant::now(), cpu_seconds());
            let done = runtime.block_on(Box::pin(crate::native::sync(config)))?;
            (begun, cpu, done)
        }
        Client::Component => runtime.block_on(async {
            let runtime = Runtime::new(&ComponentSource::Bytes(COMPONENT))?;
            let selection = everything(&runtime).await?;
            let connection = Connection::new(config);
            let (begun, cpu) = (Instant::now(), cpu_seconds());
            let done = sync(&runtime, &connection, &selection).await?;
            anyhow::Ok((begun, cpu, done))
        })?,
    };
    Ok(Run {
        wall_s: begun.elapsed().as_secs_f64(),
        cpu_s: cpu_seconds() - cpu,
        requests: done.requests,
        rows: done.rows,
        linear_memory: done.linear_memory,
        peak_rss_kib: status_kib("VmHWM"),
    })
}

/// Compares the two clients at one latency, in pairs of processes.
///
/// # Errors
///
/// A run fails, or the two don't deliver the same.
pub async fn compare(latency_ms: u64, pages: usize, pairs: usize) -> Result<Comparison> {
    let mock = mock(pages, latency_ms)?;
    let config = mock.config_json().to_string();
    let (mut component, mut native, mut ratios, mut in_flight) = (vec![], vec![], vec![], vec![]);
    for _ in 0..pairs {
        mock.clear_requests();
        let sandboxed: Run = child(&["bench-run", "--client", "component"], &config).await?;
        in_flight.push(mock.mean_in_flight());
        let bare: Run = child(&["bench-run", "--client", "native"], &config).await?;
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
        component: median_run(&component),
        native: median_run(&native),
        ratio: median(ratios),
        in_flight: median(in_flight),
    })
}

/// Measures how quickly a call gets going.
///
/// # Errors
///
/// The component can't be compiled, or a call fails.
pub async fn start_up() -> Result<StartUp> {
    let file = std::env::temp_dir().join(format!("component-{}.cwasm", std::process::id()));
    let begun = Instant::now();
    let compiled = Runtime::precompile(COMPONENT)?;
    let compile = begun.elapsed();
    std::fs::write(&file, compiled)?;
    let options = ComponentSource::Precompiled(file.clone());
    let mut loads = Vec::new();
    let mut load = || {
        let begun = Instant::now();
        let runtime = Runtime::new(&options)?;
        loads.push(milliseconds(begun.elapsed()));
        anyhow::Ok(runtime)
    };
    for _ in 0..8 {
        load()?;
    }
    let runtime = load()?;
    std::fs::remove_file(&file)?;
    let mock = mock(1, 0)?;
    let connection = Connection::new(&mock.config_json().to_string());
    let selection = vec![Selection {
        stream: "spaces".to_owned(),
        mode: Mode::Full,
    }];
    let (mut instantiate, mut first) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let done = sync(&runtime, &connection, &selection).await?;
        instantiate.push(milliseconds(done.instantiated));
        first.extend(done.first_request.map(milliseconds));
    }
    Ok(StartUp {
        compile_ms: milliseconds(compile),
        load_ms: median(loads),
        instantiate_ms: median(instantiate),
        first_request_ms: median(first),
        component_bytes: COMPONENT.len(),
    })
}

fn mock(pages: usize, latency_ms: u64) -> Result<Mock> {
    let corpus = Corpus::generate(&CorpusSpec {
        pages,
        ..CorpusSpec::default()
    });
    let latency = Duration::from_millis(latency_ms);
    let options = MockOptions {
        latency,
        log_capacity: 0,
        ..MockOptions::new(corpus)
    };
    Mock::start(options).context("the mock can't listen on loopback")
}

async fn everything(runtime: &Runtime) -> Result<Vec<Selection>> {
    let streams = runtime.list_streams().await?;
    Ok(streams
        .into_iter()
        .map(|stream| Selection {
            stream: stream.name,
            mode: Mode::Full,
        })
        .collect())
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    pub(crate) requests: u64,
    pub(crate) rows: u64,
    pub(crate) linear_memory: usize,
    pub(crate) instantiated: Duration,
    pub(crate) first_request: Option<Duration>,
}

async fn sync(runtime: &Runtime, connection: &Connection, selection: &[Selection]) -> Result<Done> {
    let counting = Counting::default();
    let rows = Arc::clone(&counting.0);
    let outcome = runtime
        .sync(
            connection,
            Limits::default(),
            selection,
            None,
            Box::new(counting),
        )
        .await?;
    if let Err(failure) = outcome.result {
        bail!("the sync failed: {}", failure.message);
    }
    let usage = outcome.usage;
    Ok(Done {
        requests: usage.requests,
        rows: rows.load(std::sync::atomic::Ordering::Relaxed),
        linear_memory: usage.memory,
        instantiated: usage.instantiated,
        first_request: usage.first_request,
    })
}

/// Calls this program in a process of its own, with the config on its standard input.
async fn child<T: for<'de> Deserialize<'de>>(arguments: &[&str], config: &str) -> Result<T> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .args(["--config", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(config.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    serde_json::from_slice(&output.stdout).context("a run failed")
}

fn median_run(runs: &[Run]) -> Run {
    let of = |field: fn(&Run) -> f64| median(runs.iter().map(field).collect());
    let one = runs.first().copied().unwrap_or_default();
    Run {
        wall_s: of(|run| run.wall_s),
        cpu_s: of(|run| run.cpu_s),
        linear_memory: runs
            .iter()
            .map(|run| run.linear_memory)
            .max()
            .unwrap_or_default(),
        peak_rss_kib: runs
            .iter()
            .map(|run| run.peak_rss_kib)
            .max()
            .unwrap_or_default(),
        ..one
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A figure of `/proc/self/status`; 0 where there is none.
fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// Seconds of the processor that this process has used, all threads together; 0 where it can't be told.
fn cpu_seconds() -> f64 {
    let ticks_per_second = 100.0; // USER_HZ, fixed by Linux's interface
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
    let ticks = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / ticks_per_second
}

/// Counts rows and forgets them.
#[derive(Debug, Default)]
struct Counting(Arc<std::sync::atomic::AtomicU64>);

impl Output for Counting {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        self.0.fetch_add(
            batch.rows.len() as u64,
            std::sync::atomic::Ordering::Relaxed,
        );
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn finished(&mut self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
}
