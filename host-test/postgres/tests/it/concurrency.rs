//! Connections that are lost, runs at the same time, and workers that were taken for dead.

use connector_postgres::Fence;
use connector_runtime::destination::Destination as _;

use crate::support::{names, orders, orders_of, schema};

#[test]
fn after_a_lost_connection_the_next_run_loses_and_repeats_nothing() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    postgres.begin_snapshot(&names()).unwrap();
    postgres.write(orders_of(0..5)).unwrap();
    postgres.checkpoint("five").unwrap();
    postgres.write(orders_of(5..20_000)).unwrap();
    let sessions = format!(
        "SELECT pg_terminate_backend(pid, 5000)::text FROM pg_stat_activity WHERE application_name = '{}'",
        schema.name
    );
    assert_eq!(schema.texts(&sessions), ["true"]);
    let error = format!("{:#}", postgres.checkpoint("all").unwrap_err());
    assert!(
        error.contains("terminating connection") || error.contains("was lost"),
        "{error}"
    );
    let again = format!("{:#}", postgres.checkpoint("all").unwrap_err());
    assert!(again.contains("the next run goes on"), "{again}");
    assert_eq!(schema.numbers(), [0, 1, 2, 3, 4]);

    let mut next = schema.open();
    assert_eq!(next.state().unwrap().as_deref(), Some("five"));
    next.write(orders_of(5..9)).unwrap();
    next.end_snapshot("order", &[]).unwrap();
    next.checkpoint("all").unwrap();
    assert_eq!(schema.numbers(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn the_second_of_two_runs_at_once_is_refused() {
    let Some(schema) = schema() else { return };
    let mut first = schema.open();
    let mut second = schema.open();
    first.write(orders_of(0..1)).unwrap();
    first.checkpoint("first").unwrap();
    second.write(orders_of(1..2)).unwrap();
    let error = format!("{:#}", second.checkpoint("second").unwrap_err());
    assert!(error.contains("another run"), "{error}");
    drop(second);
    first.write(orders_of(2..3)).unwrap();
    first.checkpoint("first again").unwrap();
    assert_eq!(schema.numbers(), [0, 2]);
}

#[test]
fn a_worker_that_lost_its_lease_writes_nothing() {
    let Some(schema) = schema() else { return };
    schema.run("CREATE TABLE lease (token bigint); INSERT INTO lease VALUES (1)");
    let fence = |token| {
        let name = schema.name.replace('"', "\"\"");
        let statement = format!("SELECT FROM \"{name}\".lease WHERE token = $1 FOR SHARE");
        Some(Fence {
            statement,
            parameters: vec![token],
        })
    };
    let mut stale = schema.open_with(30, fence(1));
    stale.write(orders_of(0..1)).unwrap();
    stale.checkpoint("one").unwrap();
    stale.write(orders_of(1..2)).unwrap();
    schema.run("UPDATE lease SET token = 2");
    let error = format!("{:#}", stale.checkpoint("two").unwrap_err());
    assert!(error.contains("lost its lease"), "{error}");
    drop(stale);
    assert_eq!(schema.numbers(), [0]);
    let mut new = schema.open_with(30, fence(2));
    assert_eq!(new.state().unwrap().as_deref(), Some("one"));
    new.checkpoint("two").unwrap();
}

#[test]
fn it_works_on_a_thread_that_drives_an_executor() {
    let Some(schema) = schema() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let numbers = "SELECT \"number\" FROM {schema}.\"order\"";
        let mut postgres = schema.open_with_view("numbers", numbers).unwrap();
        assert_eq!(postgres.state().unwrap(), None);
        assert_eq!(postgres.reconcile("given".to_owned()).unwrap(), "given");
        drop(postgres);
    });
}

#[test]
fn a_server_that_does_not_answer_is_named_without_the_password() {
    let address = connector_postgres::Address::parse("postgres://u:hidden@127.0.0.1:1/d").unwrap();
    let options = connector_postgres::PostgresOptions::new("s");
    let error = connector_postgres::Postgres::open(&address, "shop", &[], options).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("cannot be reached") && !error.contains("hidden"),
        "{error}"
    );
}

/// A stopped server accepts connections, as the kernel does that for it, and never answers.
#[test]
fn a_server_that_accepts_and_says_nothing_is_unavailable_after_a_while() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://u:hidden@127.0.0.1:{port}/d?connect_timeout=1");
    let address = connector_postgres::Address::parse(&url).unwrap();
    let options = connector_postgres::PostgresOptions::new("s");
    let error = connector_postgres::Postgres::open(&address, "shop", &[], options).unwrap_err();
    assert!(connector_postgres::is_unavailable(&error), "{error:#}");
    let error = format!("{error:#}");
    assert!(error.contains("does not answer within 1 s"), "{error}");
}

#[test]
fn a_lock_that_another_session_holds_is_named_and_passes() {
    let Some(schema) = schema() else { return };
    drop(schema.open());
    schema.run("BEGIN; LOCK TABLE _streams IN ACCESS EXCLUSIVE MODE");
    let options = connector_postgres::PostgresOptions {
        lock_timeout: std::time::Duration::from_millis(300),
        ..schema.options()
    };
    let open = || {
        connector_postgres::Postgres::open(&schema.address(), "shop", &[orders()], options.clone())
    };
    let error = open().unwrap_err();
    assert!(connector_postgres::is_unavailable(&error), "{error:#}");
    let error = format!("{error:#}");
    for said in [
        "locked the table _streams",
        "AccessExclusiveLock",
        "pg_terminate_backend(",
    ] {
        assert!(error.contains(said), "{error}");
    }
    schema.run("COMMIT");
    open().unwrap();
}
