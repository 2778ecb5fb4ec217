//! What the queue costs a run.

use std::time::{Duration, Instant};

use anyhow::Result;
use connector_fleet::lease::SiteLimit;
use connector_fleet::metrics::Metrics;
use connector_fleet::runner::{Order, Report, Runner};
use connector_fleet::worker::{WorkerSettings, work};
use connector_runtime::CancellationToken;
use serde_json::json;

use crate::fleet::{Fleet, server};
use crate::median;
use crate::processes::{ServerProcesses, cpu_seconds};

const CONNECTIONS: usize = 1_000;
const ROUNDS: usize = 3;

/// A run that does nothing.
struct Nothing;

impl Runner for Nothing {
    async fn run(&self, _: Order) -> Report {
        Report::default()
    }
}

pub(crate) async fn measure() -> Result<()> {
    let server = server()?;
    let processes = ServerProcesses::of(&server.url("postgres")).await?;
    for at_once in [1, 8] {
        let (mut wall, mut worker, mut database) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let fleet = Fleet::new(&server).await?;
            fleet.add(CONNECTIONS, &json!({})).await?;
            let (own, servers) = (cpu_seconds(std::process::id()), processes.cpu_seconds());
            let begun = Instant::now();
            pass(&fleet, at_once).await?;
            let each = |seconds: f64| seconds * 1_000.0 / CONNECTIONS as f64;
            wall.push(each(begun.elapsed().as_secs_f64()));
            worker.push(each(cpu_seconds(std::process::id()) - own));
            database.push(each(processes.cpu_seconds() - servers));
        }
        println!(
            "{at_once} at once: {:.2} ms a run; processor: {:.2} ms of the worker and {:.2} ms of PostgreSQL (medians)",
            median(wall),
            median(worker),
            median(database)
        );
    }
    Ok(())
}

/// Runs every connection once.
async fn pass(fleet: &Fleet, at_once: usize) -> Result<()> {
    let settings = WorkerSettings {
        address: connector_postgres::Address::parse(&fleet.url)?,
        name: "worker".to_owned(),
        runs: at_once,
        site: SiteLimit {
            requests: 8,
            runs: 4,
        },
        lease: Duration::from_mins(1),
        grace: Duration::from_secs(5),
    };
    let (metrics, stop) = (Metrics::default(), CancellationToken::new());
    let (store, stopped) = (fleet.store.clone(), stop.clone());
    let worker = tokio::spawn(work(settings, store, Nothing, metrics, stopped));
    fleet.ended(CONNECTIONS).await?;
    stop.cancel();
    worker.await?
}
