//! Many tenants at once in one process, alone and beside neighbours.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::component_source::ComponentSource;
use connector_runtime::contract::Selection;
use connector_runtime::runtime::{Runtime, SyncRequest, Usage};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::counting::{Digest, DigestingDestination};
use crate::neighbours::Neighbours;
use crate::statistics::{median, status_kib};
use crate::{connect, mock, process, select_all};

/// Pages of each tenant's site.
const PAGES: usize = 20;
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
    /// Whether each delivered, row by row, what one alone does.
    pub complete: bool,
}

/// Tenants by themselves, and the same beside neighbours.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MultiTenant {
    /// By themselves: the run with the median wall time.
    #[serde(flatten)]
    pub alone: Tenants,
    /// Beside the neighbours: the run with the median wall time.
    pub beside: Tenants,
    /// By how much longer a tenant takes beside them: the median tenants' times, the median over the pairs.
    pub ratio: f64,
}

/// Runs so many tenants in processes of their own, in pairs: by themselves, and beside neighbours, whom `beside`
/// describes as arguments of `bench-run`.
///
/// # Errors
///
/// One of them fails.
pub async fn compare(tenants: usize, pairs: usize, beside: &[OsString]) -> Result<MultiTenant> {
    let mock = mock(PAGES, 0)?;
    let mut config = mock.config_json();
    if let Some(config) = config.as_object_mut() {
        config.insert("max_concurrency".to_owned(), CONCURRENCY.into());
    }
    let config = config.to_string();
    let without = ["--tenants".into(), tenants.to_string().into()];
    let with = [&without, beside].concat();
    let (mut alone, mut accompanied, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        let one: Tenants = process::run(&without, &config).await?;
        let other: Tenants = process::run(&with, &config).await?;
        ratios.push(other.median_s / one.median_s);
        alone.push(one);
        accompanied.push(other);
    }
    Ok(MultiTenant {
        alone: middle(alone).context("no run")?,
        beside: middle(accompanied).context("no run")?,
        ratio: median(ratios),
    })
}

/// The run with the median wall time; complete only if all were.
fn middle(mut runs: Vec<Tenants>) -> Option<Tenants> {
    runs.sort_by(|one, other| one.wall_s.total_cmp(&other.wall_s));
    let complete = runs.iter().all(|run| run.complete);
    let run = *runs.get(runs.len() / 2)?;
    Some(Tenants { complete, ..run })
}

/// Runs many tenants at once in this process, each with its own connections.
///
/// # Errors
///
/// One of them fails, or the neighbours cannot be loaded.
pub async fn measure(
    tenants: usize,
    component: &ComponentSource,
    neighbours: &Neighbours,
    config: &str,
) -> Result<Tenants> {
    ensure!(tenants > 0, "no tenants to measure");
    let runtime = Arc::new(Runtime::load(component).await?);
    let selection: Arc<[Selection]> = select_all(&runtime).into();
    let (expected, _) = sync(&runtime, &selection, config).await?;
    let mut running = neighbours.start(&runtime).await?;
    let rss_before = status_kib("VmRSS");
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..tenants {
        let (runtime, selection) = (Arc::clone(&runtime), Arc::clone(&selection));
        let config = config.to_owned();
        calls.spawn(async move {
            let (digest, usage) = sync(&runtime, &selection, &config).await?;
            anyhow::Ok((digest, usage, started.elapsed().as_secs_f64()))
        });
    }
    let mut all = Tenants {
        tenants,
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
    all.wall_s = started.elapsed().as_secs_f64();
    all.median_s = median(seconds);
    all.peak_rss_kib = status_kib("VmHWM");
    all.rss_per_tenant_kib = per_tenant(all.peak_rss_kib.saturating_sub(rss_before), tenants);
    if let Some(ended) = running.try_join_next() {
        bail!("a neighbour ended by itself: {ended:?}");
    }
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a table")]
fn per_tenant(kib: u64, tenants: usize) -> f64 {
    kib as f64 / tenants as f64
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
