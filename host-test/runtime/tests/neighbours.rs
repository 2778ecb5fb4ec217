//! Guests and servers that attack are stopped, or held to their share, while their neighbours deliver everything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_runtime::connection::{ConnectionOptions, Signing, TenantConnection};
use connector_runtime::limits::Limits;
use connector_runtime::runtime::SyncRequest;
use connector_runtime::tenant::Tenant;
use serde_json::json;
use tokio::task::JoinSet;

use crate::hostile_server::{HttpServer, Reply, flooding};
use crate::support::{
    Tape, attacker, hostile, inventory, on_loopback, run_attack, selection, stopped, tight,
};

const TENANTS: usize = 50;
const ROWS: i64 = 400;

fn warehouse() -> HttpServer {
    let rows: Vec<_> = (0..ROWS)
        .map(|order| json!({"warehouse": "main", "order": order, "group": "x"}))
        .collect();
    let rows = serde_json::Value::Array(rows);
    HttpServer::start(Arc::new(move |_| Reply::json(&rows)))
}

async fn tenant(server: &HttpServer) -> TenantConnection {
    let config = json!({"server": server.url, "access_key": "key-of-it"}).to_string();
    inventory()
        .await
        .connect(&config, on_loopback(Signing::Host))
        .unwrap()
}

/// An honest run that delivers everything, and how long it took.
async fn deliver(connection: TenantConnection) -> Duration {
    let (tape, streams, begun) = (Tape::default(), selection(&["stock"]), Instant::now());
    let request = SyncRequest {
        selection: &streams,
        ..SyncRequest::default()
    };
    let ended = inventory()
        .await
        .sync(&connection, request, Box::new(tape.clone()))
        .await;
    assert!(ended.unwrap().result.is_ok());
    assert_eq!(tape.rows("stock").len(), usize::try_from(ROWS).unwrap());
    begun.elapsed()
}

async fn run_tenants(server: &HttpServer, tenants: usize) -> Duration {
    let mut honest = JoinSet::new();
    for _ in 0..tenants {
        honest.spawn(deliver(tenant(server).await));
    }
    let mut took = honest.join_all().await;
    took.sort();
    took[took.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_are_done_beside_one_that_loops_and_two_that_flood() {
    let server = warehouse();
    let paced = Limits {
        wall: Duration::from_secs(2),
        rows_per_second: Some(1_000),
        ..tight()
    };
    let mut attacks = JoinSet::new();
    for (words, limits, error) in [
        (
            "loop",
            tight(),
            "the call uses more than its 0.2 s of the processor",
        ),
        (
            "flood 250",
            tight(),
            "the call uses more than its 0.2 s of the processor",
        ),
        ("flood 250", paced, "the call takes longer than its 2 s"),
    ] {
        attacks.spawn(async move {
            assert_eq!(stopped(words, limits, &Tape::default()).await, error);
        });
    }
    run_tenants(&server, TENANTS).await;
    while let Some(stopped) = attacks.join_next().await {
        stopped.unwrap();
    }
}

/// Loose bounds: a machine that runs other tests at the same time is no place to measure. The bench measures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_are_done_in_time_beside_each_kind_of_attack() {
    let server = warehouse();
    let alone = run_tenants(&server, 5).await;
    for attack in [
        "loop",
        "memory",
        "flood 250",
        "flood 0",
        "empty-rows 9000",
        "many-rows 800000",
        "same-row 1000",
        "many-values 1000000",
        "deliver unselected",
        "handles",
        "hoard-fields 900",
        "notes 100",
        "progress-names 3000 1000000",
        "repeat http://192.0.2.1/denied",
        "1xx",
    ] {
        let mut attacks = JoinSet::new();
        for _ in 0..2 {
            attacks.spawn(async move {
                let limits = Limits {
                    wall: Duration::from_secs(20),
                    ..Limits::default()
                };
                let connection = match attack {
                    "1xx" => {
                        let url = flooding().url;
                        attacker(&format!("again 1000 {url}/x"), &url).await
                    }
                    _ => attacker(attack, "").await,
                };
                loop {
                    let _ = run_attack(&connection, limits, &Tape::default()).await;
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let beside = run_tenants(&server, 5).await;
        attacks.abort_all();
        eprintln!("{attack}: {beside:?} beside, {alone:?} alone");
        assert!(
            beside < alone * 20 + Duration::from_secs(1),
            "{attack}: {beside:?}, {alone:?} alone"
        );
    }
    assert_eq!(hostile().await.streams().len(), 2);
}

/// Calls are no shares: a tenant with a hundred of them is one neighbour like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_are_done_in_time_beside_a_hundred_calls_of_one_tenant() {
    let server = warehouse();
    let alone = run_tenants(&server, 5).await;
    let one = Some(Tenant::default());
    let limits = Limits {
        wall: Duration::from_secs(20),
        ..Limits::default()
    };
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let attack = ["loop", "flood 250", "empty-rows 9000", "notes 100"][number % 4];
        let options = ConnectionOptions {
            tenant: one.clone(),
            ..on_loopback(Signing::Guest)
        };
        let config = json!({"url": "", "attack": attack}).to_string();
        let connection = hostile().await.connect(&config, options).unwrap();
        calls.spawn(async move { run_attack(&connection, limits, &Tape::default()).await });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let beside = run_tenants(&server, 5).await;
    calls.abort_all();
    eprintln!("a hundred calls: {beside:?} beside, {alone:?} alone");
    assert!(
        beside < alone * 20 + Duration::from_secs(1),
        "{beside:?}, {alone:?} alone"
    );
}
