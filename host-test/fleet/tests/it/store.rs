//! Leases, and what a person does with connections.

use std::time::Duration;

use connector_fleet::lease::{Acquired, Lease, SiteLimit};
use connector_fleet::policy::{Ending, Next};
use connector_fleet::runner::Report;
use connector_runtime::contract::FailureKind;
use postgres_for_tests::Server;

use crate::support::{SITE, connection, database};

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
            .acquire(id, "one", Duration::from_millis(1), SITE)
            .await
            .unwrap(),
    );
    tokio::time::sleep(Duration::from_millis(20)).await;
    let held = lease(store.acquire(id, "two", LONG, SITE).await.unwrap());
    assert!(held.token > stale.token);
    assert_eq!(
        store.acquire(id, "three", LONG, SITE).await.unwrap(),
        Acquired::Nothing
    );
    assert!(store.renew(&stale, LONG, 1, SITE).await.unwrap().is_none());
    let report = Report {
        ending: Ending::Succeeded,
        rows: 1,
        requests: 1,
        ..Report::default()
    };
    assert!(
        !store
            .finish(&stale, &report, Next::RunAfter(Duration::ZERO))
            .await
            .unwrap()
    );
    assert_eq!(store.renew(&held, LONG, 1, SITE).await.unwrap(), Some(1));
    assert!(
        store
            .finish(&held, &report, Next::RunAfter(LONG))
            .await
            .unwrap()
    );
    assert_eq!(
        store.acquire(id, "two", LONG, SITE).await.unwrap(),
        Acquired::Nothing,
        "not due yet"
    );
}

#[tokio::test]
async fn a_site_is_shared_by_those_that_run_and_those_that_wait() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let site = SiteLimit {
        requests: 8,
        runs: 3,
    };
    let acquire = async |id| store.acquire(id, "one", LONG, site).await.unwrap();
    let renew = async |held: &Lease, in_use| {
        let share = store.renew(held, LONG, in_use, site).await.unwrap();
        share.unwrap()
    };
    let first = store.add(&connection("first", "site")).await.unwrap();
    let first = lease(acquire(first).await);
    assert_eq!(first.permits, 8, "all of them where nobody waits");
    let second = store.add(&connection("second", "site")).await.unwrap();
    assert_eq!(acquire(second).await, Acquired::Nothing);
    let jobs = "DELETE FROM graphile_worker._private_jobs";
    let client = store.client().await.unwrap();
    client.batch_execute(jobs).await.unwrap();

    assert_eq!(renew(&first, 8).await, 4, "half for the one that waits");
    assert_eq!(
        acquire(second).await,
        Acquired::Nothing,
        "the requests of the first are still in flight"
    );
    assert_eq!(client.execute(jobs, &[]).await.unwrap(), 0);
    assert_eq!(renew(&first, 4).await, 4);
    assert_eq!(
        client.execute(jobs, &[]).await.unwrap(),
        1,
        "the one that waits is woken"
    );
    let second = lease(acquire(second).await);
    assert_eq!(second.permits, 4);

    let elsewhere = store.add(&connection("third", "elsewhere")).await.unwrap();
    assert_eq!(lease(acquire(elsewhere).await).permits, 8);
    for number in 0..4 {
        let more = connection(&format!("more {number}"), "site");
        store.add(&more).await.unwrap();
    }
    assert_eq!(renew(&second, 4).await, 2, "a third, as three may run");
    let next = Next::RunAfter(LONG);
    let finished = store.finish(&first, &Report::default(), next).await;
    assert!(finished.unwrap());
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
    let held = lease(store.acquire(id, "one", LONG, SITE).await.unwrap());
    store.pause("a").await.unwrap();
    assert!(
        store.renew(&held, LONG, 1, SITE).await.unwrap().is_none(),
        "a run under way ends"
    );
    assert_eq!(
        store.acquire(id, "one", LONG, SITE).await.unwrap(),
        Acquired::Nothing
    );
    store.resume("a", None).await.unwrap();
    lease(store.acquire(id, "one", LONG, SITE).await.unwrap());
    let schema = store.remove("a").await.unwrap();
    assert_eq!(schema, format!("connection_{id}"));
    for missing in [
        store.pause("a").await,
        store.resume("a", None).await,
        store.remove("a").await.map(drop),
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
    let later = "UPDATE graphile_worker._private_jobs SET run_at = now() + interval '1 hour', attempts = 12";
    client.batch_execute(later).await.unwrap();
    let lease = Duration::from_millis(1);
    let made = store.enqueue_overdue(lease).await.unwrap();
    assert_eq!(made, 1, "a job that failed often is made anew");
}

#[tokio::test]
async fn a_run_is_due_as_late_as_was_asked_for_and_old_ones_are_forgotten() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let id = store.add(&connection("a", "a")).await.unwrap();
    let client = store.client().await.unwrap();
    let run = async |next: Duration| {
        let held = lease(store.acquire(id, "one", LONG, SITE).await.unwrap());
        let next = Next::RunAfter(next);
        let finished = store.finish(&held, &Report::default(), next).await;
        assert!(finished.unwrap());
    };
    for _ in 0..110 {
        run(Duration::ZERO).await;
    }
    let kept = "SELECT count(*), min(token), max(token) FROM confluence_fleet.runs";
    let kept = client.query_one(kept, &[]).await.unwrap();
    assert_eq!(
        [kept.get::<_, i64>(0), kept.get(1), kept.get(2)],
        [100, 11, 110]
    );
    let due = "UPDATE confluence_fleet.connections SET next_due = now()";
    for (asked, days) in [
        (Duration::from_hours(24 * 365), 365),
        (Duration::from_millis(u64::MAX), 36_500),
    ] {
        client.batch_execute(due).await.unwrap();
        run(asked).await;
        let next = "SELECT round(extract(epoch FROM next_due - now()) / 86400)::bigint FROM confluence_fleet.connections";
        let next: i64 = client.query_one(next, &[]).await.unwrap().get(0);
        assert_eq!(next, days);
    }
}

/// Its worker may stand still in the middle of a transaction, whose locks would be in the way.
#[tokio::test]
async fn a_run_that_did_not_end_is_disconnected_by_the_next_also_after_a_pause() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    let id = store.add(&connection("a", "a")).await.unwrap();
    let held = lease(store.acquire(id, "one", LONG, SITE).await.unwrap());
    let address = connector_postgres::Address::parse(&url).unwrap();
    let address = address.with_application_name(&held.session());
    let old = address.connect().await.unwrap();
    let (other, _) = database(server).await;
    let other = connector_postgres::Address::parse(&other).unwrap();
    let other = other.with_application_name(&held.session());
    let other = other.connect().await.unwrap();
    store.pause("a").await.unwrap();
    store.resume("a", None).await.unwrap();
    old.batch_execute("SELECT 1").await.unwrap();
    lease(store.acquire(id, "two", LONG, SITE).await.unwrap());
    assert!(old.batch_execute("SELECT 1").await.is_err());
    let another_fleet = other.batch_execute("SELECT 1").await;
    assert!(another_fleet.is_ok(), "it is another database");
}

#[tokio::test]
async fn what_is_in_the_way_of_a_fleet_is_named() {
    let Some(server) = Server::shared() else {
        return;
    };
    let admin = connector_postgres::Address::parse(&server.url("postgres")).unwrap();
    let admin = admin.connect().await.unwrap();
    for (name, made, named) in [
        ("nothing", "SELECT 1", ""),
        (
            "queue_of_others",
            "CREATE SCHEMA graphile_worker; CREATE TABLE graphile_worker.jobs (x int)",
            "schema graphile_worker",
        ),
        (
            "fleet_of_others",
            "CREATE SCHEMA confluence_fleet; CREATE TABLE confluence_fleet.runs (x int)",
            "table confluence_fleet.runs",
        ),
    ] {
        let create = format!("CREATE DATABASE {name}");
        admin.batch_execute(&create).await.unwrap();
        let address = connector_postgres::Address::parse(&server.url(name)).unwrap();
        let store = connector_fleet::store::Store::new(address);
        let client = store.client().await.unwrap();
        client.batch_execute(made).await.unwrap();
        let refused = store.refuse_tables_of_others().await;
        match refused {
            Ok(()) => assert_eq!(named, ""),
            Err(error) => assert!(error.to_string().contains(named), "{error}"),
        }
        for error in [
            store.pause("a").await.unwrap_err(),
            store.remove("a").await.unwrap_err(),
            store.add(&connection("a", "a")).await.unwrap_err(),
            connector_fleet::status::read(&store).await.unwrap_err(),
        ] {
            let error = format!("{error:#}");
            assert!(error.contains("confluence-fleet migrate"), "{error}");
        }
    }
}

/// The allowance is for the run that makes up for a refused close, and survives runs that do not come that far.
#[tokio::test]
async fn what_a_close_may_delete_is_said_until_a_run_succeeds() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let id = store.add(&connection("a", "a")).await.unwrap();
    let mut found = Vec::new();
    store.resume("a", Some(100)).await.unwrap();
    let failed = Ending::Failed {
        kind: FailureKind::Unavailable,
        retry_after: None,
    };
    for ending in [failed, Ending::Succeeded, Ending::Succeeded] {
        let held = lease(store.acquire(id, "one", LONG, SITE).await.unwrap());
        found.push(held.max_delete);
        let report = Report {
            ending,
            ..Report::default()
        };
        let next = Next::RunAfter(Duration::ZERO);
        assert!(store.finish(&held, &report, next).await.unwrap());
    }
    assert_eq!(found, [Some(100), Some(100), None]);
    assert!(store.resume("b", Some(100)).await.is_err());
}
