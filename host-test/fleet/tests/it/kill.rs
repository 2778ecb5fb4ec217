//! Workers that are killed, workers that stand still longer than a lease, and a database that is restarted.
//!
//! `FLEET_CONNECTIONS=1000 FLEET_KILLS=60 FLEET_STOPS=10` makes the test large.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use connector_postgres::Address;
use connector_runtime::CancellationToken;
use postgres_for_tests::Server;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{PAGES, Source, connection, database, requests, settings, wait_for};

const LEASE: Duration = Duration::from_millis(1_500);
const WORKERS: usize = 3;
/// Runs at once in one worker.
const RUNS: usize = 8;
/// Milliseconds between two events, from a kill to the next one for example.
const PAUSE_MS: std::ops::Range<u64> = 200..500;

/// Not a test: the body of a worker process, which the test below starts.
#[test]
fn worker_process() {
    let Ok(url) = std::env::var("FLEET_WORKER_URL") else {
        return;
    };
    let address = Address::parse(&url).unwrap();
    let store = connector_fleet::store::Store::new(address.clone());
    let requests = std::env::var_os("FLEET_WORKER_REQUESTS").map(Into::into);
    let source = Source {
        address,
        page: Duration::from_millis(number("FLEET_WORKER_PAGE_MS", 5) as u64),
        requests,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let metrics = connector_fleet::metrics::Metrics::default();
    let work = connector_fleet::worker::work(
        settings(&url, RUNS, LEASE),
        store,
        source,
        metrics,
        CancellationToken::new(),
    );
    runtime.block_on(work).unwrap();
}

struct Worker(Child);

impl Worker {
    fn start(url: &str, requests: &std::path::Path, page: Duration) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::worker_process"])
            .env("FLEET_WORKER_URL", url)
            .env("FLEET_WORKER_REQUESTS", requests)
            .env("FLEET_WORKER_PAGE_MS", page.as_millis().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// How long a page takes, so that there is work for as long as something happens.
fn page_duration(connections: usize, kills: usize, stops: usize) -> Duration {
    let pauses = Duration::from_millis(PAUSE_MS.end) * u32::try_from(kills + stops).unwrap();
    let standstill = LEASE * 2 * u32::try_from(stops).unwrap();
    let restarts = Duration::from_secs(4);
    let at_once = u32::try_from(WORKERS * RUNS).unwrap();
    let pages = u32::try_from(connections).unwrap() * u32::try_from(PAGES).unwrap();
    (pauses + standstill + restarts) * at_once / pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_is_complete_whatever_is_killed() {
    let Some(server) = Server::start().unwrap() else {
        return;
    };
    let (url, store) = database(&server).await;
    let connections = number("FLEET_CONNECTIONS", 120);
    for index in 0..connections {
        store
            .add(&connection(&format!("c{index}"), &format!("site {index}")))
            .await
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests");
    let begun = Instant::now();
    let (kills, stops) = (number("FLEET_KILLS", 6), number("FLEET_STOPS", 1));
    let page = page_duration(connections, kills, stops);
    let start = || Worker::start(&url, &log, page);
    let mut workers: Vec<_> = (0..WORKERS).map(|_| start()).collect();
    for event in 0..kills + stops {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(PAUSE_MS))).await;
        let victim = fastrand::usize(0..workers.len());
        if event % (kills / stops.max(1) + 1) == kills / stops.max(1) {
            workers[victim].signal(Signal::STOP);
            tokio::time::sleep(LEASE * 2).await;
            workers[victim].signal(Signal::CONT);
        } else {
            workers[victim] = start();
        }
        if event == kills / 3 || event == kills * 2 / 3 {
            server.stop().unwrap();
            server.resume().unwrap();
        }
    }
    let complete = "SELECT bool_and(succeeded_at IS NOT NULL) FROM confluence_fleet.connections";
    let client = store.client().await.unwrap();
    let row = client.query_one(complete, &[]).await.unwrap();
    assert!(!row.get::<_, bool>(0), "there was work to the last event");
    wait_for(&store, complete).await;
    println!(
        "{connections} connections after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    drop(workers);

    let client = store.client().await.unwrap();
    let rows = client
        .query("SELECT id, name FROM confluence_fleet.connections", &[])
        .await
        .unwrap();
    for row in rows {
        let (id, name): (i64, String) = (row.get(0), row.get(1));
        let sql = format!(
            "SELECT string_agg(id || '=' || title, ',' ORDER BY id::int) FROM connection_{id}.pages"
        );
        let found: String = client.query_one(&sql, &[]).await.unwrap().get(0);
        let expected: Vec<_> = (0..PAGES)
            .map(|page| format!("{page}={name} {page}"))
            .collect();
        assert_eq!(found, expected.join(","), "{name}");
    }
    // From the record that each checkpoint's transaction writes: nobody wrote after the next lease had been given.
    let overlaps =
        "SELECT count(*) FROM confluence_fleet.runs AS one JOIN confluence_fleet.runs AS next
                    ON next.connection = one.connection AND next.token > one.token
                    WHERE one.checkpoint_at >= next.started_at";
    assert_eq!(
        client
            .query_one(overlaps, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
    let sent = requests(&log);
    let needed = connections * usize::try_from(PAGES).unwrap();
    println!(
        "{sent} requests where {needed} are needed: {} %",
        sent * 100 / needed
    );
    assert!(sent >= needed && sent * 10 <= needed * 13);
}
