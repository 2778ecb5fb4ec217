//! Three workers against one process without a queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use confluence_component::COMPONENT;
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::{ConnectionOptions, Signing};
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::fleet::{Fleet, mock, server};
use crate::median;

const CONNECTIONS: usize = 200;
const WORKERS: usize = 3;
/// Runs at once in one worker.
const RUNS: usize = 8;
const ROUNDS: usize = 3;
/// Of the site, for each answer.
const LATENCY: Duration = Duration::from_millis(5);

pub(crate) async fn measure() -> Result<()> {
    let (server, mock) = (server()?, mock(LATENCY)?);
    let config = mock.config_json();
    let runtime = Arc::new(Runtime::load(&ComponentSource::embedded(COMPONENT)).await?);
    let (mut alone, mut fleet) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let database = Fleet::new(&server).await?;
        let begun = Instant::now();
        let at_once = Arc::new(Semaphore::new(WORKERS * RUNS));
        let mut runs = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (runtime, at_once) = (Arc::clone(&runtime), Arc::clone(&at_once));
            let (config, url) = (config.to_string(), database.url.clone());
            runs.spawn(async move {
                let _turn = at_once.acquire().await;
                one_run(&runtime, &config, &url, number).await
            });
        }
        while let Some(ended) = runs.join_next().await {
            ended??;
        }
        alone.push(CONNECTIONS as f64 / begun.elapsed().as_secs_f64());

        let database = Fleet::new(&server).await?;
        database.add(CONNECTIONS, &config).await?;
        let workers: Result<Vec<_>> = (0..WORKERS).map(|_| database.worker(RUNS)).collect();
        database.ended(CONNECTIONS).await?;
        drop(workers?);
        let took = "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM confluence_fleet.runs";
        fleet.push(CONNECTIONS as f64 / database.number(took).await?);
    }
    let ratios = fleet.iter().zip(&alone).map(|(fleet, alone)| fleet / alone);
    println!("ratios {:?}", ratios.clone().collect::<Vec<_>>());
    println!(
        "runs a second: {:.1} in one process, {:.1} of {WORKERS} workers, ratio {:.2} (medians of {ROUNDS})",
        median(alone.clone()),
        median(fleet.clone()),
        median(ratios.collect())
    );
    Ok(())
}

/// A run as the library makes it, into a schema of its own.
async fn one_run(runtime: &Runtime, config: &str, url: &str, number: usize) -> Result<()> {
    let options = ConnectionOptions {
        signing: Signing::Host,
        network: NetworkPolicy::default().allow_loopback(),
        ..ConnectionOptions::default()
    };
    let failed = |failure: connector_runtime::failure::Failure| anyhow::Error::msg(failure.message);
    let connection = runtime.connect(config, options).map_err(failed)?;
    let options = PostgresOptions::new(format!("connection_{number}"));
    let name = &runtime.description().name;
    let postgres = Postgres::open(&Address::parse(url)?, name, runtime.streams(), options)?;
    let selection = runtime.streams().iter().map(|stream| Selection {
        stream: stream.name.clone(),
        mode: Mode::Full,
    });
    let selection: Vec<_> = selection.collect();
    let request = SyncRequest {
        selection: &selection,
        ..SyncRequest::default()
    };
    run::run(runtime, &connection, request, postgres)
        .await
        .map_err(failed)?;
    Ok(())
}
