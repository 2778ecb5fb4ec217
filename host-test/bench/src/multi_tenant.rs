//! Many tenants at once in one process, alone and beside neighbours.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::contract::Selection;
use connector_runtime::runtime::{Runtime, SyncRequest, Usage};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::counting::{Digest, DigestingDestination};
use crate::memory::MemorySampler;
use crate::neighbours::{Neighbours, Running};
use crate::run::{Measurement, RunRequest};
use crate::statistics::{median, status_kib};
use crate::{connect, mock, select_all};

/// Pages of each tenant's site.
const PAGES: usize = 20;
/// Pages of all sites together at least: what takes a fraction of a second is no measure on a machine that does other things.
const MIN_PAGES: usize = 500;
/// Requests of each tenant in flight.
const CONCURRENCY: u32 = 2;

/// Many tenants at once in one process.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Tenants {
    /// How many.
    pub tenants: usize,
    /// Seconds until all were done.
    pub wall_s: f64,
    /// Seconds that the median tenant took.
    pub median_s: f64,
    /// Requests of all.
    pub requests: u64,
    /// Rows of all.
    pub rows: u64,
    /// KiB of resident memory that each added.
    pub rss_per_tenant_kib: f64,
    /// KiB of resident memory of the process at most.
    pub peak_rss_kib: u64,
    /// KiB of resident memory at most while they ran, without the linear memory of the neighbours.
    pub host_rss_kib: u64,
    /// Whether each delivered, row by row, what one alone does.
    pub complete: bool,
}

/// Tenants by themselves, and the same beside neighbours.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MultiTenant {
    /// By themselves: the run in the middle.
    #[serde(flatten)]
    pub alone: Tenants,
    /// Beside the neighbours: the run in the middle.
    pub beside: Tenants,
    /// By how much longer a tenant takes beside them: the median tenants' times, the median over the pairs.
    pub ratio: f64,
    /// KiB of resident memory that the neighbours cost the host, without their linear memory: the median over the pairs.
    pub host_rss_added_kib: f64,
}

/// Which tenants are compared with themselves beside whom.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// File of their component, or the one built in.
    pub component: Option<&'a Path>,
    /// How many.
    pub tenants: usize,
    /// Who runs beside them, in every second run.
    pub neighbours: &'a Neighbours,
}

/// Runs tenants in processes of their own, in pairs: by themselves, and beside neighbours.
///
/// # Errors
///
/// One of them fails.
pub async fn compare(setting: Setting<'_>, pairs: usize) -> Result<MultiTenant> {
    let mock = mock(PAGES.max(MIN_PAGES / setting.tenants.max(1)), 0)?;
    let mut config = mock.config_json();
    if let Some(config) = config.as_object_mut() {
        config.insert("max_concurrency".to_owned(), CONCURRENCY.into());
    }
    let request = |neighbours| RunRequest {
        component: setting.component.map(Path::to_owned),
        config: config.to_string(),
        measurement: Measurement::Tenants {
            count: setting.tenants,
            neighbours,
        },
    };
    let without = request(None);
    let with = request(Some(setting.neighbours.clone()));
    let mut runs = Vec::new();
    for _ in 0..pairs {
        let alone: Tenants = without.in_child().await?;
        let beside: Tenants = with.in_child().await?;
        runs.push((alone, beside));
    }
    summarize(&runs).context("no run")
}

/// Medians over pairs of runs: alone, and beside neighbours.
fn summarize(pairs: &[(Tenants, Tenants)]) -> Option<MultiTenant> {
    let ratio = |(alone, beside): &(Tenants, Tenants)| beside.median_s / alone.median_s;
    let added =
        |(alone, beside): &(Tenants, Tenants)| kib(beside.host_rss_kib) - kib(alone.host_rss_kib);
    Some(MultiTenant {
        alone: middle(pairs.iter().map(|pair| pair.0))?,
        beside: middle(pairs.iter().map(|pair| pair.1))?,
        ratio: median(pairs.iter().map(ratio)),
        host_rss_added_kib: median(pairs.iter().map(added)),
    })
}

/// The run with the median of the medians; complete only if all were.
fn middle(runs: impl Iterator<Item = Tenants>) -> Option<Tenants> {
    let mut runs: Vec<_> = runs.collect();
    runs.sort_by(|one, other| one.median_s.total_cmp(&other.median_s));
    let complete = runs.iter().all(|run| run.complete);
    let run = *runs.get(runs.len() / 2)?;
    Some(Tenants { complete, ..run })
}

/// Runs many tenants at once in this process, each with its own connections.
pub(crate) async fn measure(
    request: &RunRequest,
    tenants: usize,
    neighbours: Option<&Neighbours>,
) -> Result<Tenants> {
    ensure!(tenants > 0, "no tenants to measure");
    let runtime = Arc::new(Runtime::load(&request.source()).await?);
    let selection: Arc<[Selection]> = select_all(&runtime).into();
    let (expected, _) = sync(&runtime, &selection, &request.config).await?;
    let running = match neighbours {
        Some(neighbours) => neighbours.start(&runtime).await?,
        None => Running::default(),
    };
    let rss_before = status_kib("VmRSS");
    let memory = MemorySampler::start(running.tenants());
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..tenants {
        let (runtime, selection) = (Arc::clone(&runtime), Arc::clone(&selection));
        let config = request.config.clone();
        calls.spawn(async move {
            let (digest, usage) = sync(&runtime, &selection, &config).await?;
            anyhow::Ok((digest, usage, started.elapsed().as_secs_f64()))
        });
    }
    let mut all = collect(calls, expected).await?;
    all.wall_s = started.elapsed().as_secs_f64();
    all.peak_rss_kib = status_kib("VmHWM");
    all.host_rss_kib = memory.peak_kib()?;
    running.stop().await;
    all.rss_per_tenant_kib = (kib(all.peak_rss_kib) - kib(rss_before)) / kib(tenants as u64);
    Ok(all)
}

type Call = Result<(Digest, Usage, f64)>;

/// What all calls did together.
async fn collect(mut calls: JoinSet<Call>, expected: Digest) -> Result<Tenants> {
    let mut all = Tenants {
        tenants: calls.len(),
        complete: true,
        ..Tenants::default()
    };
    let mut seconds = Vec::new();
    while let Some(ended) = calls.join_next().await {
        let (digest, usage, took) = ended??;
        seconds.push(took);
        all.rows += digest.rows;
        all.requests += usage.requests;
        all.complete &= digest == expected;
    }
    all.median_s = median(seconds);
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a table")]
fn kib(figure: u64) -> f64 {
    figure as f64
}

async fn sync(runtime: &Runtime, selection: &[Selection], config: &str) -> Result<(Digest, Usage)> {
    let connection = connect(runtime, config)?;
    let destination = DigestingDestination::default();
    let request = SyncRequest {
        selection,
        ..SyncRequest::default()
    };
    let outcome = runtime
        .sync(&connection, request, Box::new(destination.clone()))
        .await?;
    if let Err(failure) = outcome.result {
        bail!("the sync failed: {}", failure.message);
    }
    Ok((destination.digest(), outcome.usage))
}
