//! The connector itself, run by a worker against a mock site.

use std::time::Duration;

use confluence_component::COMPONENT;
use connector_fleet::connector::{ComponentRunner, site};
use connector_fleet::lease::SiteLimit;
use connector_fleet::secrets::Vault;
use connector_fleet::store::NewConnection;
use connector_postgres::Address;
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::runtime::Runtime;
use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};
use postgres_for_tests::Server;
use serde_json::{Value, json};

use crate::support::{connection, database, settings, work_until};

fn mock(pages: usize) -> Mock {
    let corpus = Corpus::generate(&CorpusSpec {
        pages,
        ..CorpusSpec::default()
    });
    let options = MockOptions {
        latency: Duration::from_millis(2),
        ..MockOptions::new(corpus)
    };
    Mock::start(options).unwrap()
}

fn of_site(name: &str, config: Value) -> NewConnection {
    NewConnection {
        config,
        streams: Vec::new(),
        ..connection(name, "site")
    }
}

async fn runner(url: &str) -> ComponentRunner {
    ComponentRunner {
        runtime: Runtime::load(&ComponentSource::embedded(COMPONENT))
            .await
            .unwrap(),
        vault: Vault::default(),
        address: Address::parse(url).unwrap(),
        network: NetworkPolicy::default().allow_loopback(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connector_fills_a_schema_within_its_sites_limit_and_a_wrong_token_pauses_it() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    let mock = mock(12);
    store
        .add(&of_site("good", mock.config_json()))
        .await
        .unwrap();
    let mut wrong = mock.config_json();
    wrong["api_token"] = json!("wrong");
    store.add(&of_site("wrong", wrong)).await.unwrap();
    let mut sealed = mock.config_json();
    sealed["api_token"] = json!({ "encrypted": "AAAA" });
    store.add(&of_site("sealed", sealed)).await.unwrap();
    let runner = runner(&url).await;
    let mut settings = settings(&url, 4, Duration::from_secs(5));
    settings.site = SiteLimit {
        requests: 3,
        runs: 2,
    };
    let done = "SELECT bool_and(succeeded_at IS NOT NULL OR paused OR failures > 0) FROM confluence_fleet.connections";
    let metrics = work_until(settings, &store, runner, done).await;
    let client = store.client().await.unwrap();
    let found = "SELECT count(*) FROM connection_1.pages";
    let found: i64 = client.query_one(found, &[]).await.unwrap().get(0);
    let pages = mock.with_corpus(|corpus| corpus.pages.len());
    assert_eq!(usize::try_from(found).unwrap(), pages);
    let paused =
        "SELECT coalesce(pause_reason, '') FROM confluence_fleet.connections WHERE name = 'wrong'";
    let paused: String = client.query_one(paused, &[]).await.unwrap().get(0);
    assert!(paused.starts_with("invalid_credentials: "), "{paused}");
    let sealed = "SELECT NOT paused AND failures > 0 FROM confluence_fleet.connections WHERE name = 'sealed'";
    let tried_again: bool = client.query_one(sealed, &[]).await.unwrap().get(0);
    assert!(tried_again, "it is the worker that has no key");
    assert!(mock.max_in_flight() <= 3, "{}", mock.max_in_flight());

    let text = metrics.text();
    for family in ["requests_total", "rows_total", "last_memory_bytes"] {
        let sample = format!("confluence_fleet_{family}{{connection=\"good\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&sample));
        assert!(value.unwrap().parse::<u64>().unwrap() > 0, "{text}");
    }
}

/// Two spellings of one site would have two shares of its requests.
#[tokio::test]
async fn one_site_has_one_name() {
    let source = ComponentSource::embedded(COMPONENT);
    let runtime = Runtime::load(&source).await.unwrap();
    let named = |url: &str| site(runtime.description(), &json!({ "base_url": url }));
    for (url, expected) in [
        ("https://acme.atlassian.net", "https://acme.atlassian.net"),
        (
            "https://Acme.atlassian.net/wiki/",
            "https://acme.atlassian.net",
        ),
        (
            "https://api.atlassian.com/ex/confluence/AB-1/wiki/api",
            "https://api.atlassian.com/ex/confluence/ab-1",
        ),
        (
            "https://api.atlassian.com/ex/confluence/ab-2",
            "https://api.atlassian.com/ex/confluence/ab-2",
        ),
    ] {
        assert_eq!(named(url).unwrap(), expected, "{url}");
    }
    assert!(named("ftp://acme.atlassian.net").is_err());
    assert!(site(runtime.description(), &json!({})).is_err());
}

/// Takes spaces away until two pages of five are hidden.
fn hide_spaces(mock: &Mock) {
    let spaces: Vec<_> = mock.with_corpus(|corpus| {
        let pages = corpus.pages.iter();
        pages.map(|page| page.space_id.clone()).collect()
    });
    let mut hidden = std::collections::BTreeSet::new();
    for space in &spaces {
        let covered = spaces.iter().filter(|space| hidden.contains(*space));
        if covered.count() * 5 < spaces.len() * 2 && hidden.insert(space.clone()) {
            mock.hide_space(space);
        }
    }
}

/// A permission that is taken away looks like a deletion: a person decides which it was, in the fleet's own words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_close_pauses_a_connection_until_it_is_allowed() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    let client = store.client().await.unwrap();
    let mock = mock(100);
    store.add(&of_site("a", mock.config_json())).await.unwrap();
    let work = async |done: &str| {
        let done = format!("SELECT {done} FROM confluence_fleet.connections");
        let settings = settings(&url, 1, Duration::from_secs(5));
        work_until(settings, &store, runner(&url).await, &done).await;
    };
    let pages = async || -> i64 {
        let found = "SELECT count(*) FROM connection_1.pages";
        client.query_one(found, &[]).await.unwrap().get(0)
    };
    work("succeeded_at IS NOT NULL").await;
    let all = pages().await;
    hide_spaces(&mock);
    store.resume("a", None).await.unwrap();
    work("paused").await;
    let reason = "SELECT pause_reason FROM confluence_fleet.connections";
    let reason: String = client.query_one(reason, &[]).await.unwrap().get(0);
    for said in [
        "invalid_config: ",
        "schema connection_1",
        "pages (",
        "confluence-fleet resume \"a\" --max-delete 100",
    ] {
        assert!(reason.contains(said), "{reason}");
    }
    assert_eq!(pages().await, all);
    store.resume("a", Some(100)).await.unwrap();
    work("paused OR max_delete IS NULL").await;
    assert!(pages().await < all);
}

/// On one thread, which would be blocked if opening a schema blocked it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lock_on_the_tables_of_one_connection_holds_up_that_one_alone() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    let mock = mock(5);
    store.add(&of_site("a", mock.config_json())).await.unwrap();
    let mut settings = settings(&url, 2, Duration::from_secs(6));
    settings.site = SiteLimit {
        requests: 2,
        runs: 2,
    };
    settings.grace = Duration::from_secs(20);
    let work = async |done: &str| {
        let done = format!("SELECT {done} FROM confluence_fleet.connections");
        work_until(settings.clone(), &store, runner(&url).await, &done).await;
    };
    work("succeeded_at IS NOT NULL").await;
    let locker = Address::parse(&url).unwrap().connect().await.unwrap();
    let lock = "BEGIN; LOCK TABLE connection_1._streams IN ACCESS EXCLUSIVE MODE";
    locker.batch_execute(lock).await.unwrap();
    store.resume("a", None).await.unwrap();
    store.add(&of_site("b", mock.config_json())).await.unwrap();
    work(
        "bool_or(name = 'b' AND succeeded_at IS NOT NULL)
         AND bool_or(name = 'a' AND lease_until > now() AND clock_timestamp() > next_due + interval '8 s')",
    )
    .await;
    let last = "SELECT outcome FROM confluence_fleet.runs WHERE connection = 1 ORDER BY token DESC LIMIT 1";
    let client = store.client().await.unwrap();
    let outcome: Option<String> = client.query_one(last, &[]).await.unwrap().get(0);
    assert_eq!(
        outcome.as_deref(),
        Some("handed_on"),
        "it is stopped while it waits, and its end is noted"
    );
    let gave_up = "SELECT count(*) FROM confluence_fleet.runs WHERE outcome = 'unavailable'";
    let gave_up: i64 = client.query_one(gave_up, &[]).await.unwrap().get(0);
    assert_eq!(gave_up, 0, "nobody waited until it gave the lock up");
}
