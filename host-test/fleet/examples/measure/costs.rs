//! What a run costs whose connection has run before: the costs that the simulation assumes.

use std::time::Duration;

use anyhow::Result;

use crate::fleet::{Fleet, mock, server};
use crate::processes::{ServerProcesses, cpu_seconds};

const CONNECTIONS: usize = 100;
/// Runs at once.
const RUNS: usize = 4;
/// Of the site, for each answer.
const LATENCY: Duration = Duration::from_millis(100);

pub(crate) async fn measure() -> Result<()> {
    let (server, site) = (server()?, mock(LATENCY)?);
    let fleet = Fleet::new(&server).await?;
    fleet
        .add_in_mode(CONNECTIONS, &site.config_json(), "incremental")
        .await?;
    let processes = ServerProcesses::of(&fleet.url).await?;
    let worker = fleet.worker(RUNS)?;
    let mut passes = Vec::new();
    for pass in 1..=2 {
        let (own, servers) = (cpu_seconds(worker.id()), processes.cpu_seconds());
        let due = "UPDATE confluence_fleet.connections SET next_due = now();
                   SELECT count(confluence_fleet.enqueue(id, next_due)) FROM confluence_fleet.connections";
        fleet.store.client().await?.batch_execute(due).await?;
        fleet.ended(CONNECTIONS * pass).await?;
        let each = |seconds: f64| seconds * 1_000.0 / CONNECTIONS as f64;
        passes.push([
            each(cpu_seconds(worker.id()) - own),
            each(processes.cpu_seconds() - servers),
        ]);
    }
    for (pass, [worker, database]) in passes.iter().enumerate() {
        let median = async |what: &str| {
            let of_runs = format!(
                "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {what})
                 FROM confluence_fleet.runs WHERE token = {}",
                pass + 1
            );
            fleet.number(&of_runs).await
        };
        println!(
            "pass {}: {:.2} s and {:.0} requests a run; processor: {worker:.0} ms of the worker, {database:.0} ms of PostgreSQL",
            pass + 1,
            median("extract(epoch FROM finished_at - started_at)").await?,
            median("requests").await?
        );
    }
    Ok(())
}
