//! Many tenants at once in one process, among themselves and beside two that mean harm.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{child, everything, median, mock, status_kib};
use confluence_component::COMPONENT;
use connector_runtime::connection::Connection;
use connector_runtime::engine::{ComponentSource, Mode, Nothing, Runtime, Selection, Usage};
use connector_runtime::limits::Limits;
use connector_runtime::output::{Batch, Output};

/// What the two do, without an end: one never calls the host, one never stops calling it.
const HARM: [&str; 2] = ["loop", "flood 250"];

/// Many tenants at once in one process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
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
    /// Whether each delivered, row by row, what one alone does.
    pub complete: bool,
}

/// A crowd by itself, and the same beside two tenants that mean harm.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Crowd {
    /// By itself: the median run.
    #[serde(flatten)]
    pub plain: Tenants,
    /// Beside one that loops and one that floods: the median run.
    pub beside_hostile: Tenants,
    /// By how much longer a tenant takes beside them: the median tenants' times, the median over the pairs.
    pub ratio: f64,
}

/// Runs so many tenants in processes of their own, in pairs: by themselves, and beside two that mean harm.
///
/// # Errors
///
/// One of them fails.
pub async fn compare(tenants: usize, pairs: usize) -> Result<Crowd> {
    let mock = mock(20, 0)?;
    let mut config = mock.config_json();
    if let Some(config) = config.as_object_mut() {
        config.insert("max_concurrency".to_owned(), 2.into());
    }
    let config = config.to_string();
    let count = tenants.to_string();
    let arguments = ["bench-run", "--tenants", &count, "--hostile"];
    let (mut plain, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        let alone: Tenants = child(&["bench-run", "--tenants", &count], &config).await?;
        let harmed: Tenants = child(&arguments, &config).await?;
        ratios.push(harmed.median_s / alone.median_s);
        plain.push(alone);
        beside.push(harmed);
    }
    Ok(Crowd {
        plain: middle(plain).context("no run")?,
        beside_hostile: middle(beside).context("no run")?,
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
/// One of them fails, or one that means harm ends by itself.
pub async fn measure(tenants: usize, hostile: bool, config: &str) -> Result<Tenants> {
    let runtime = Arc::new(Runtime::new(&ComponentSource::Bytes(COMPONENT))?);
    let selection: Arc<[Selection]> = everything(&runtime).await?.into();
    let (alone, _) = sync(&runtime, &selection, config).await?;
    let mut harm = JoinSet::new();
    if hostile {
        let guest = Arc::new(runtime.beside(&hostile_guest()?)?);
        for act in HARM {
            harm.spawn(do_harm(Arc::clone(&guest), act));
        }
    }
    let before = status_kib("VmRSS");
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..tenants {
        let (runtime, selection) = (Arc::clone(&runtime), Arc::clone(&selection));
        let config = config.to_owned();
        calls.spawn(async move {
            let done = sync(&runtime, &selection, &config).await;
            (done, begun.elapsed().as_secs_f64())
        });
    }
    let mut all = Tenants {
        tenants,
        wall_s: 0.0,
        median_s: 0.0,
        requests: 0,
        rows: 0,
        rss_per_tenant_kib: 0.0,
        complete: true,
    };
    let mut took = Vec::new();
    while let Some(ended) = calls.join_next().await {
        let (done, seconds) = ended?;
        let (delivered, usage) = done?;
        took.push(seconds);
        all.rows += delivered.rows;
        all.requests += usage.requests;
        all.complete &= delivered == alone;
    }
    all.wall_s = begun.elapsed().as_secs_f64();
    all.median_s = median(took);
    let added = status_kib("VmHWM").saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a figure for a table")]
    {
        all.rss_per_tenant_kib = added as f64 / tenants as f64;
    }
    match harm.try_join_next() {
        Some(ended) => bail!("one that means harm ended by itself: {:?}", ended?),
        None => Ok(all),
    }
}

/// Until the task is aborted; otherwise why not.
async fn do_harm(guest: Arc<Runtime>, act: &str) -> String {
    let (nowhere, limits) = (Connection::nowhere(), Limits::default());
    let selection = [Selection {
        stream: act.to_owned(),
        mode: Mode::Full,
    }];
    let ended = guest
        .sync(&nowhere, limits, &selection, None, Box::new(Nothing))
        .await;
    format!("{act}: {ended:?}")
}

async fn sync(
    runtime: &Runtime,
    selection: &[Selection],
    config: &str,
) -> Result<(Delivered, Usage)> {
    let (connection, limits) = (Connection::new(config), Limits::default());
    let delivered = Counting::default();
    let output = Box::new(delivered.clone());
    let outcome = runtime
        .sync(&connection, limits, selection, None, output)
        .await?;
    if let Err(failure) = outcome.result {
        bail!("the sync failed: {}", failure.message);
    }
    Ok((*delivered.lock(), outcome.usage))
}

/// Rows, and the sum of their hashes: the same for the same rows in whatever order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Delivered {
    rows: u64,
    hashes: u64,
}

#[derive(Debug, Clone, Default)]
struct Counting(Arc<Mutex<Delivered>>);

impl Counting {
    fn lock(&self) -> std::sync::MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output for Counting {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let mut delivered = self.lock();
        for row in &batch.rows {
            let hash = hasher.hash_one((&batch.stream, row));
            delivered.hashes = delivered.hashes.wrapping_add(hash);
        }
        delivered.rows += batch.rows.len() as u64;
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn finished(&mut self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
}

/// The guest that means harm, built where this program was.
fn hostile_guest() -> Result<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize()?;
    let built = component_builder::build(&root, "hostile-guest", &root.join("target/guests"));
    let file =
        built.map_err(|error| anyhow::anyhow!("the hostile guest can't be built: {error}"))?;
    Ok(std::fs::read(file)?)
}
