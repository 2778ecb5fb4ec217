//! What a fleet costs that has nothing to do.

use std::time::Duration;

use anyhow::Result;

use crate::fleet::{Fleet, mock, server};
use crate::processes::{ServerProcesses, cpu_seconds, resident_mib};

const CONNECTIONS: usize = 10_000;
const WORKERS: usize = 3;
const WATCHED: Duration = Duration::from_mins(1);

pub(crate) async fn measure() -> Result<()> {
    let (server, mock) = (server()?, mock(Duration::ZERO)?);
    let fleet = Fleet::new(&server).await?;
    fleet.add(CONNECTIONS, &mock.config_json()).await?;
    // Due within an hour, and not while the fleet is watched.
    let later = "UPDATE confluence_fleet.connections SET next_due = now() + interval '5 minutes' + random() * interval '55 minutes';
                 SELECT count(confluence_fleet.enqueue(id, next_due)) FROM confluence_fleet.connections";
    fleet.store.client().await?.batch_execute(later).await?;
    let processes = ServerProcesses::of(&fleet.url).await?;
    let workers: Result<Vec<_>> = (0..WORKERS).map(|_| fleet.worker(8)).collect();
    let workers = workers?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let worker_cpu = || {
        workers
            .iter()
            .map(|worker| cpu_seconds(worker.id()))
            .sum::<f64>()
    };
    let (own, servers) = (worker_cpu(), processes.cpu_seconds());
    tokio::time::sleep(WATCHED).await;
    let part = |seconds: f64| seconds * 100.0 / WATCHED.as_secs_f64();
    for worker in &workers {
        println!("a worker: {:.0} MiB", resident_mib(worker.id())?);
    }
    println!(
        "{CONNECTIONS} connections, none due: of a core, {:.1} % for PostgreSQL and {:.1} % for {WORKERS} workers",
        part(processes.cpu_seconds() - servers),
        part(worker_cpu() - own)
    );
    Ok(())
}
