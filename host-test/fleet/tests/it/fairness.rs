//! Who waits for whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connector_fleet::lease::SiteLimit;
use connector_fleet::metrics::Metrics;
use connector_fleet::policy::Ending;
use connector_fleet::runner::{Order, Report, Runner};
use connector_fleet::worker::work;
use connector_postgres::Address;
use connector_runtime::CancellationToken;
use connector_runtime::contract::FailureKind;
use postgres_for_tests::Server;

use crate::support::{Source, connection, database, settings, wait_for, work_until};

const LEASE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_site_does_not_keep_small_ones_waiting_and_runs_one_at_a_time() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    for index in 0..12 {
        store
            .add(&connection(&format!("big {index}"), "big"))
            .await
            .unwrap();
    }
    for index in 0..5 {
        store
            .add(&connection(
                &format!("small {index}"),
                &format!("small {index}"),
            ))
            .await
            .unwrap();
    }
    let source = Source {
        address: Address::parse(&url).unwrap(),
        page: Duration::from_millis(1),
        requests: None,
    };
    let done = "SELECT bool_and(succeeded_at IS NOT NULL) FROM confluence_fleet.connections";
    work_until(settings(&url, 4, LEASE), &store, source, done).await;
    let client = store.client().await.unwrap();
    let before = "SELECT count(*) FROM confluence_fleet.connections AS big
                  WHERE site = 'big' AND succeeded_at < (
                      SELECT max(succeeded_at) FROM confluence_fleet.connections WHERE site <> 'big')";
    let before: i64 = client.query_one(before, &[]).await.unwrap().get(0);
    assert!(
        before < 8,
        "{before} of the big site's runs ended before all small ones had"
    );
    let together = "SELECT count(*) FROM confluence_fleet.runs AS one
                    JOIN confluence_fleet.connections AS a ON a.id = one.connection
                    JOIN confluence_fleet.connections AS b ON b.site = a.site AND b.id <> a.id
                    JOIN confluence_fleet.runs AS other ON other.connection = b.id
                    WHERE other.started_at >= one.started_at AND other.started_at < one.checkpoint_at";
    assert_eq!(
        client
            .query_one(together, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
}

/// Sends requests from six tasks of each run, and counts those that are in flight. The run of `long` goes on until the
/// others have ended.
#[derive(Clone, Default)]
struct Requests(Arc<Counts>);

#[derive(Default)]
struct Counts {
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    ended: AtomicUsize,
}

impl Requests {
    const OTHERS: usize = 3;

    async fn send(self, order: Order) {
        let goes_on = |sent| match order.lease.name.as_str() {
            "long" => self.0.ended.load(Ordering::SeqCst) < Self::OTHERS,
            _ => sent < 20,
        };
        let mut sent = 0;
        while goes_on(sent) {
            let _permit = order.permits.acquire().await;
            let in_flight = self.0.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
            sent += 1;
        }
    }
}

impl Runner for Requests {
    async fn run(&self, order: Order) -> Report {
        let sending = (0..6).map(|_| tokio::spawn(self.clone().send(order.clone())));
        let sending: Vec<_> = sending.collect();
        for task in sending {
            task.await.unwrap();
        }
        self.0.ended.fetch_add(1, Ordering::SeqCst);
        Report::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_a_site_share_its_requests_in_flight_over_all_workers() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    let requests = Requests::default();
    let stop = CancellationToken::new();
    let mut shared = settings(&url, 4, LEASE);
    shared.site = SiteLimit {
        requests: 4,
        runs: 3,
    };
    let workers = [1, 2].map(|_| {
        let (store, requests) = (store.clone(), requests.clone());
        let metrics = Metrics::default();
        tokio::spawn(work(shared.clone(), store, requests, metrics, stop.clone()))
    });
    store.add(&connection("long", "site")).await.unwrap();
    while requests.0.most_in_flight.load(Ordering::SeqCst) < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for number in 0..Requests::OTHERS {
        let other = connection(&format!("short {number}"), "site");
        store.add(&other).await.unwrap();
    }
    let done = "SELECT bool_and(succeeded_at IS NOT NULL) FROM confluence_fleet.connections";
    wait_for(&store, done).await;
    stop.cancel();
    for worker in workers {
        worker.await.unwrap().unwrap();
    }
    assert_eq!(requests.0.most_in_flight.load(Ordering::SeqCst), 4);
}

/// Ends each run as its connection's name says.
struct Scripted;

impl Runner for Scripted {
    async fn run(&self, order: Order) -> Report {
        let (kind, seconds) = match order.lease.name.as_str() {
            "limited" => (FailureKind::RateLimited, Some(7_200)),
            "refused" => (FailureKind::InvalidCredentials, None),
            "long" => {
                order.cancellation.cancelled().await;
                (FailureKind::Cancelled, None)
            }
            _ => (FailureKind::Incomplete, None),
        };
        Report {
            ending: Ending::Failed {
                kind,
                retry_after: seconds.map(Duration::from_secs),
            },
            message: Some("as the script says".to_owned()),
            rows: 3,
            requests: 4,
            ..Report::default()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_decide_and_a_worker_that_stops_hands_its_runs_on() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    for name in ["limited", "refused", "partial", "long"] {
        store.add(&connection(name, name)).await.unwrap();
    }
    let ended = "SELECT count(finished_at) = 3 AND count(*) = 4 FROM confluence_fleet.runs";
    let metrics = work_until(settings(&url, 4, LEASE), &store, Scripted, ended).await;
    let expected = "SELECT string_agg(name || ' ' || round(extract(epoch FROM next_due - now()) / 10)::text || ' '
                        || coalesce(pause_reason, 'waits'), ', ' ORDER BY name)
                    FROM confluence_fleet.connections";
    let client = store.client().await.unwrap();
    let found: String = client.query_one(expected, &[]).await.unwrap().get(0);
    assert_eq!(
        found.replace("-0 ", "0 "),
        "limited 720 waits, long 0 waits, partial 3 waits, refused 0 invalid_credentials: as the script says"
    );
    let text = metrics.text();
    for line in [
        "confluence_fleet_runs_total{connection=\"refused\",ending=\"invalid_credentials\"} 1",
        "confluence_fleet_runs_total{connection=\"long\",ending=\"handed_on\"} 1",
        "confluence_fleet_requests_total{connection=\"limited\"} 4",
        "confluence_fleet_running 0",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let status = connector_fleet::status::read(&store).await.unwrap();
    let table = connector_fleet::status::table(&status);
    assert!(
        table.contains("paused (invalid_credentials: as the script says)"),
        "{table}"
    );

    // The next worker goes on with what was handed on, at once.
    let again =
        "SELECT count(*) = 2 FROM confluence_fleet.runs AS r JOIN confluence_fleet.connections AS c
                 ON c.id = r.connection WHERE name = 'long'";
    work_until(settings(&url, 4, LEASE), &store, Scripted, again).await;
    wait_for(
        &store,
        "SELECT bool_and(lease_until IS NULL) FROM confluence_fleet.connections",
    )
    .await;
}
