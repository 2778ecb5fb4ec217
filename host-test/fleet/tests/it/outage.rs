//! What the rest of the fleet does while a part of the database cannot be used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_fleet::metrics::Metrics;
use connector_fleet::queue;
use connector_fleet::secrets::Vault;
use connector_fleet::start::ready;
use connector_fleet::store::Store;
use connector_fleet::worker::work;
use connector_postgres::Address;
use connector_runtime::CancellationToken;
use postgres_for_tests::Server;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{Source, connection, database, settings, wait_for, work_until};

/// Stands between client and server, and passes nothing on any more once it is told to be silent.
async fn proxy(url: &str) -> (String, watch::Sender<bool>) {
    let (before, rest) = url.split_once("127.0.0.1:").unwrap();
    let (port, database) = rest.split_once('/').unwrap();
    let port: u16 = port.parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let (silence, silent) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (client, server) = (client.into_split(), server.into_split());
            tokio::spawn(pass_on(client.0, server.1, silent.clone()));
            tokio::spawn(pass_on(server.0, client.1, silent.clone()));
        }
    });
    (format!("{before}127.0.0.1:{own}/{database}"), silence)
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: watch::Receiver<bool>) {
    let mut bytes = vec![0; 8_192];
    while let Ok(read) = from.read(&mut bytes).await {
        if *silent.borrow() {
            std::future::pending::<()>().await;
        }
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
}

fn source(url: &str) -> Source {
    Source {
        address: Address::parse(url).unwrap(),
        page: Duration::ZERO,
        requests: None,
    }
}

/// Debian's server offers TLS with a certificate of its own making.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_reached_as_everything_else_is() {
    let Some(server) = Server::start().unwrap() else {
        return;
    };
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, certificate.pem()).unwrap();
    let server = Arc::new(server);
    server
        .enable_tls(&certificate.pem(), &key.serialize_pem())
        .unwrap();

    let plain = server.url("postgres");
    let full = format!(
        "{plain}?sslmode=verify-full&sslrootcert={}",
        authority.display()
    );
    for url in [
        plain.clone(),
        format!(" {plain}"),
        plain.replace("postgresql:", ""),
        full.clone(),
    ] {
        let address = Address::parse(&url).unwrap();
        queue::migrate(&address).await.unwrap();
    }
    let unknown = Address::parse(&format!("{plain}?sslmode=require")).unwrap();
    let error = format!("{:#}", queue::migrate(&unknown).await.unwrap_err());
    assert!(error.contains("TLS"), "{error}");

    let store = Store::new(Address::parse(&full).unwrap());
    store.migrate().await.unwrap();
    store.add(&connection("a", "a")).await.unwrap();
    let done = "SELECT succeeded_at IS NOT NULL FROM confluence_fleet.connections";
    let settings = settings(&full, 1, Duration::from_secs(5));
    work_until(settings, &store, source(&full), done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_is_an_error_and_keeps_no_worker() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, direct) = database(server).await;
    let (url, silence) = proxy(&url).await;
    let store = Store::new(Address::parse(&url).unwrap());
    direct.add(&connection("a", "a")).await.unwrap();
    let slow = Source {
        page: Duration::from_millis(200),
        ..source(&url)
    };
    let stop = CancellationToken::new();
    let settings = settings(&url, 2, Duration::from_mins(1));
    let grace = settings.grace;
    let worker = tokio::spawn(work(
        settings,
        store.clone(),
        slow,
        Metrics::default(),
        stop.clone(),
    ));
    let running = "SELECT lease_until IS NOT NULL FROM confluence_fleet.connections";
    wait_for(&direct, running).await;
    silence.send(true).unwrap();
    let asked = tokio::spawn(async move { store.is_migrated().await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    stop.cancel();
    worker.await.unwrap().unwrap();
    let took = begun.elapsed();
    assert!(took < grace + Duration::from_secs(2), "{took:?}");
    let error = format!("{:#}", asked.await.unwrap().unwrap_err());
    assert!(error.contains("does not answer"), "{error}");
}

#[tokio::test]
async fn a_worker_that_waits_for_a_lock_or_an_answer_before_it_begins_can_be_stopped() {
    let Some(server) = Server::shared() else {
        return;
    };
    let (url, locker) = database(server).await;
    let lock = "BEGIN; LOCK TABLE confluence_fleet.connections IN ACCESS EXCLUSIVE MODE";
    let client = locker.client().await.unwrap();
    client.batch_execute(lock).await.unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("postgres://u@{}/d", silent.local_addr().unwrap());
    for url in [url, silent] {
        let store = Store::new(Address::parse(&url).unwrap());
        let stop = CancellationToken::new();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { ready(&store, &Vault::default(), &stop).await }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
        stop.cancel();
        assert!(!waiting.await.unwrap().unwrap());
    }
}
