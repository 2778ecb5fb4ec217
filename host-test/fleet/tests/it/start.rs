//! What a worker makes sure of before it works, and what is said when that is not so.

use std::time::Duration;

use connector_fleet::secrets::Vault;
use connector_fleet::start::{check_key, ready};
use connector_fleet::store::{NewConnection, Store};
use connector_postgres::Address;
use connector_runtime::CancellationToken;
use postgres_for_tests::Server;
use serde_json::json;

use crate::support::{connection, database};

/// 32 bytes of zeros, and of ones.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const OTHER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn sealed(name: &str, vault: &Vault) -> NewConnection {
    let mut config = json!({ "api_token": "hidden" });
    let fields = ["api_token".to_owned()];
    vault
        .seal(name, &fields, config.as_object_mut().unwrap())
        .unwrap();
    NewConnection {
        config,
        ..connection(name, name)
    }
}

#[tokio::test]
async fn a_key_that_opens_no_secret_is_refused_and_one_that_opens_one_is_not() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let [good, other] = [KEY, OTHER_KEY].map(|key| Vault::new(Some(key)).unwrap());
    let stop = CancellationToken::new();
    let ready = async |vault: &Vault| ready(&store, vault, &stop).await;
    store.add(&connection("open", "open")).await.unwrap();
    assert!(ready(&Vault::default()).await.unwrap(), "no secret, no key");
    store.add(&sealed("a", &good)).await.unwrap();
    assert!(ready(&good).await.unwrap());
    let wrong = ready(&other).await.unwrap_err().to_string();
    assert!(wrong.contains("FLEET_KEY is not the key"), "{wrong}");
    let missing = ready(&Vault::default()).await.unwrap_err().to_string();
    assert!(missing.contains("FLEET_KEY is not set"), "{missing}");
    store.add(&sealed("b", &other)).await.unwrap();
    check_key(&store, &good).await.unwrap();
}

#[tokio::test]
async fn a_worker_waits_for_the_tables_until_it_is_stopped() {
    let Some(server) = Server::shared() else {
        return;
    };
    let store = Store::new(Address::parse(&server.url("postgres")).unwrap());
    assert!(!store.is_migrated().await.unwrap());
    let stop = CancellationToken::new();
    let waiting = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move { ready(&store, &Vault::default(), &stop).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    stop.cancel();
    assert!(!waiting.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_role_without_rights_is_told_which_it_lacks() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, store) = database(server).await;
    let client = store.client().await.unwrap();
    client
        .batch_execute("CREATE ROLE without_rights")
        .await
        .unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}options=-crole%3Dwithout_rights");
    let store = Store::new(Address::parse(&url).unwrap());
    let error = format!("{:#}", store.migrate().await.unwrap_err());
    assert_eq!(
        error.matches("permission denied for database").count(),
        1,
        "{error}"
    );
    assert!(!error.contains("db error"), "{error}");
}

#[tokio::test]
async fn a_lost_lease_says_where_it_went() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (_, store) = database(server).await;
    let id = store.add(&connection("a", "a")).await.unwrap();
    let acquire = async || {
        let long = Duration::from_mins(1);
        let acquired = store.acquire(id, "one", long, crate::support::SITE).await;
        match acquired.unwrap() {
            connector_fleet::lease::Acquired::Lease(lease) => *lease,
            connector_fleet::lease::Acquired::Nothing => panic!("no lease"),
        }
    };
    let held = acquire().await;
    assert_eq!(store.why_lost(&held).await.unwrap(), None);
    store.pause("a").await.unwrap();
    let why = store.why_lost(&held).await.unwrap().unwrap();
    assert!(why.contains("paused"), "{why}");
    store.resume("a", None).await.unwrap();
    acquire().await;
    let why = store.why_lost(&held).await.unwrap().unwrap();
    assert!(why.contains("another worker"), "{why}");
    store.remove("a").await.unwrap();
    let why = store.why_lost(&held).await.unwrap().unwrap();
    assert!(why.contains("removed"), "{why}");
}

/// A function whose types fit exactly is taken from any schema of the search path.
#[tokio::test]
async fn functions_of_others_in_public_are_not_executed() {
    let Some(server) = Server::shared() else {
        return;
    };
    let admin = Address::parse(&server.url("postgres")).unwrap();
    let admin = admin.connect().await.unwrap();
    admin
        .batch_execute("CREATE DATABASE shadowed")
        .await
        .unwrap();
    let address = Address::parse(&server.url("shadowed")).unwrap();
    let raise = "LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'shadowed'; END$$";
    let shadows = [
        "hashtextextended(text, int) RETURNS bigint",
        "unnest(text[]) RETURNS SETOF text",
        "to_regclass(text) RETURNS regclass",
    ]
    .map(|shadow| format!("CREATE FUNCTION public.{shadow} {raise};"));
    let client = address.connect().await.unwrap();
    client.batch_execute(&shadows.concat()).await.unwrap();
    connector_fleet::queue::migrate(&address).await.unwrap();
    let store = Store::new(address);
    store.refuse_tables_of_others().await.unwrap();
    store.migrate().await.unwrap();
    store.add(&connection("a", "a")).await.unwrap();
    store.pause("a").await.unwrap();
    store.resume("a", None).await.unwrap();
}
