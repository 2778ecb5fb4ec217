//! Leases, and what a person does with connections.

use std::time::Duration;

use connector_fleet::lease::{Acquired, Lease};
use connector_fleet::policy::{Ending, Next};
use connector_fleet::runner::Report;
use postgres_for_tests::Server;

use crate::support::{connection, database};

const LONG: Duration = Duration::from_mins(1);

fn lease(acquired: Acquired) -> Lease {
    match acquired {
        Acquired::Lease(lease) => *lease,
        Acquired::Nothing => panic!("no lease"),
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_stale_one_can_do_nothing() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let id = store.add(&connection("a", "a")).await.unwrap();
    let stale = lease(
        store
            .acquire(id, "one", Duration::from_millis(1), 1)
            .await
            .unwrap(),
    );
    tokio::time::sleep(Duration::from_millis(20)).await;
    let held = lease(store.acquire(id, "two", LONG, 1).await.unwrap());
    assert!(held.token > stale.token);
    assert_eq!(
        store.acquire(id, "three", LONG, 1).await.unwrap(),
        Acquired::Nothing
    );
    assert!(!store.renew(&stale, LONG).await.unwrap());
    let report = Report {
        ending: Ending::Succeeded,
        message: None,
        rows: 1,
        requests: 1,
        cpu: Duration::ZERO,
    };
    assert!(
        !store
            .finish(&stale, &report, Next::RunAfter(Duration::ZERO))
            .await
            .unwrap()
    );
    assert!(store.renew(&held, LONG).await.unwrap());
    assert!(
        store
            .finish(&held, &report, Next::RunAfter(LONG))
            .await
            .unwrap()
    );
    assert_eq!(
        store.acquire(id, "two", LONG, 1).await.unwrap(),
        Acquired::Nothing,
        "not due yet"
    );
}

#[tokio::test]
async fn connections_are_paused_resumed_and_removed_by_name() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let id = store.add(&connection("a", "a")).await.unwrap();
    assert!(
        store
            .add(&connection("a", "b"))
            .await
            .unwrap_err()
            .to_string()
            .contains("already")
    );
    let held = lease(store.acquire(id, "one", LONG, 1).await.unwrap());
    store.pause("a").await.unwrap();
    assert!(
        !store.renew(&held, LONG).await.unwrap(),
        "a run under way ends"
    );
    assert_eq!(
        store.acquire(id, "one", LONG, 1).await.unwrap(),
        Acquired::Nothing
    );
    store.resume("a").await.unwrap();
    lease(store.acquire(id, "one", LONG, 1).await.unwrap());
    store.remove("a").await.unwrap();
    for missing in [
        store.pause("a").await,
        store.resume("a").await,
        store.remove("a").await,
    ] {
        assert!(missing.unwrap_err().to_string().contains("no connection"));
    }
}

#[tokio::test]
async fn a_connection_without_a_job_gets_one() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    store.add(&connection("a", "a")).await.unwrap();
    let client = store.client().await.unwrap();
    client
        .batch_execute("DELETE FROM graphile_worker._private_jobs")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        store
            .enqueue_overdue(Duration::from_millis(1))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        store
            .enqueue_overdue(Duration::from_millis(1))
            .await
            .unwrap(),
        0
    );
}
