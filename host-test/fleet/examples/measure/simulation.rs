//! The simulation against a real pass.

use std::time::Duration;

use anyhow::Result;
use connector_fleet::simulate;

use crate::fleet::{Fleet, mock, server};
use crate::processes::ServerProcesses;

/// Connections whose runs tell what a run costs.
const SAMPLE: usize = 100;
const CONNECTIONS: usize = 1_000;
const WORKERS: usize = 3;
/// Runs at once in one worker.
const RUNS: usize = 4;
/// Of the site, for each answer: on one machine the processor must not be what all of them wait for.
const LATENCY: Duration = Duration::from_millis(100);
/// All connections are due once in this time, in which the workers do not manage all of them.
const EVERY: Duration = Duration::from_mins(1);

/// What was measured of a pass.
struct Pass {
    /// Seconds of the median run and of its processor.
    run: f64,
    cpu: f64,
    median_lag: f64,
    high_lag: f64,
    database_cpu: f64,
    lasted: f64,
}

pub(crate) async fn measure() -> Result<()> {
    let server = server()?;
    let (sample, site) = (Fleet::new(&server).await?, mock(LATENCY)?);
    sample.add(SAMPLE, &site.config_json()).await?;
    let sample = pass(&sample, SAMPLE, Duration::ZERO).await?;
    let latency = LATENCY.as_secs_f64();
    let milliseconds = |seconds: f64| (seconds * 1_000.0).round().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small numbers above zero"
    )]
    let simulated = simulate::Fleet {
        connections: u32::try_from(CONNECTIONS)?,
        every: EVERY,
        runs: u32::try_from(RUNS)?,
        cores: 1,
        requests: 1,
        latency_ms: milliseconds((sample.run - sample.cpu).max(latency)) as u32,
        cpu_ms: milliseconds(sample.cpu) as u32,
        database_ms: milliseconds(sample.database_cpu / SAMPLE as f64) as u32,
        database_cores: 2,
        site_requests_per_second: None,
        connections_per_site: 1,
    };
    println!("{SAMPLE} runs measured; so the simulation is given {simulated:?}");
    let expected = simulated.simulate_first(u32::try_from(WORKERS)?);

    let fleet = Fleet::new(&server).await?;
    fleet.add(CONNECTIONS, &site.config_json()).await?;
    let real = pass(&fleet, CONNECTIONS, EVERY).await?;
    let rate = CONNECTIONS as f64 / EVERY.as_secs_f64();
    for (what, expected, real) in [
        (
            "median lag, s",
            expected.median_lag.as_secs_f64(),
            real.median_lag,
        ),
        (
            "lag of 99 %, s",
            expected.high_lag.as_secs_f64(),
            real.high_lag,
        ),
        (
            "PostgreSQL's cores",
            expected.database_cores,
            real.database_cpu / CONNECTIONS as f64 * rate,
        ),
    ] {
        let off = (expected / real - 1.0) * 100.0;
        println!("{what}: simulated {expected:.2}, measured {real:.2} ({off:+.0} %)");
    }
    println!("the pass lasted {:.0} s", real.lasted);
    Ok(())
}

/// Runs every connection once, due one after the other within a time.
async fn pass(fleet: &Fleet, connections: usize, within: Duration) -> Result<Pass> {
    let workers: Result<Vec<_>> = {
        // The workers are there before the first connection is due.
        let due = format!(
            "UPDATE confluence_fleet.connections
             SET next_due = now() + interval '5 seconds' + (id - 1) * {} * interval '1 second';
             SELECT count(confluence_fleet.enqueue(id, next_due)) FROM confluence_fleet.connections",
            within.as_secs_f64() / connections as f64
        );
        fleet.store.client().await?.batch_execute(&due).await?;
        (0..WORKERS).map(|_| fleet.worker(RUNS)).collect()
    };
    let processes = ServerProcesses::of(&fleet.url).await?;
    let before = processes.cpu_seconds();
    fleet.ended(connections).await?;
    let database_cpu = processes.cpu_seconds() - before;
    drop(workers?);
    let of_runs = async |what: &str| {
        let sql = format!("SELECT {what} FROM confluence_fleet.runs");
        fleet.number(&sql).await
    };
    let at = |part: f64, what: &str| {
        format!("percentile_cont({part}) WITHIN GROUP (ORDER BY extract(epoch FROM {what}))")
    };
    Ok(Pass {
        run: of_runs(&at(0.5, "finished_at - started_at")).await?,
        cpu: of_runs("percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_ms) / 1000").await?,
        median_lag: of_runs(&at(0.5, "started_at - due_at")).await?,
        high_lag: of_runs(&at(0.99, "started_at - due_at")).await?,
        database_cpu,
        lasted: of_runs("extract(epoch FROM max(finished_at) - min(started_at))").await?,
    })
}
