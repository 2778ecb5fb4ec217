//! A database for each test, and a source whose pages are known.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use connector_fleet::lease::SiteLimit;
use connector_fleet::metrics::Metrics;
use connector_fleet::policy::Ending;
use connector_fleet::runner::{Order, Report, Runner};
use connector_fleet::store::{NewConnection, Store};
use connector_fleet::worker::{WorkerSettings, work};
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::CancellationToken;
use connector_runtime::contract::{FailureKind, Mode};
use connector_runtime::destination::{Batch, Destination as _};
use connector_runtime::stream::{Column, ColumnKind, Stream};
use postgres_for_tests::Server;
use serde_json::json;

/// Pages of each site.
pub(crate) const PAGES: u64 = 20;

/// One run at a time for each site.
pub(crate) const SITE: SiteLimit = SiteLimit {
    requests: 1,
    runs: 1,
};

/// A database that no other test uses, with the tables of queue and fleet.
pub(crate) async fn database(server: &Server) -> (String, Store) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("fleet_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let admin = Address::parse(&server.url("postgres"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    admin
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    let url = server.url(&name);
    let store = Store::new(Address::parse(&url).unwrap());
    connector_fleet::queue::migrate(&Address::parse(&url).unwrap())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    (url, store)
}

pub(crate) fn connection(name: &str, site: &str) -> NewConnection {
    NewConnection {
        name: name.to_owned(),
        config: json!({}),
        site: site.to_owned(),
        streams: vec!["pages".to_owned()],
        mode: "full".to_owned(),
        every: Duration::from_hours(1),
    }
}

pub(crate) fn settings(url: &str, runs: usize, lease: Duration) -> WorkerSettings {
    WorkerSettings {
        address: Address::parse(url).unwrap(),
        name: format!("worker {}", std::process::id()),
        runs,
        lease,
        site: SITE,
        grace: Duration::from_secs(5),
    }
}

/// Works in this process until a condition holds.
pub(crate) async fn work_until(
    settings: WorkerSettings,
    store: &Store,
    runner: impl Runner,
    condition: &str,
) -> Metrics {
    let (metrics, stop) = (Metrics::default(), CancellationToken::new());
    let worker = tokio::spawn(work(
        settings,
        store.clone(),
        runner,
        metrics.clone(),
        stop.clone(),
    ));
    wait_for(store, condition).await;
    stop.cancel();
    worker.await.unwrap().unwrap();
    metrics
}

/// Waits until a query says true.
pub(crate) async fn wait_for(store: &Store, condition: &str) {
    let begun = std::time::Instant::now();
    loop {
        let holds = match store.client().await {
            Ok(client) => client
                .query_one(condition, &[])
                .await
                .is_ok_and(|row| row.get(0)),
            Err(_) => false,
        };
        if holds {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(5),
            "never: {condition}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads a site of 20 pages, one after the other, with a checkpoint every five, and notes each request in a file.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) address: Address,
    pub(crate) page: Duration,
    pub(crate) requests: Option<PathBuf>,
}

impl Runner for Source {
    async fn run(&self, order: Order) -> Report {
        let source = self.clone();
        let read = tokio::task::spawn_blocking(move || source.read(&order))
            .await
            .unwrap();
        let ending = match &read {
            Ok(_) => Ending::Succeeded,
            Err(_) => Ending::Failed {
                kind: FailureKind::Unavailable,
                retry_after: Some(Duration::ZERO),
            },
        };
        let message = read.as_ref().err().map(|error| format!("{error:#}"));
        Report {
            ending,
            message,
            rows: read.unwrap_or(0),
            ..Report::default()
        }
    }
}

impl Source {
    fn read(&self, order: &Order) -> anyhow::Result<u64> {
        let options = PostgresOptions {
            fence: Some(order.fence.clone()),
            ..PostgresOptions::new(order.lease.schema())
        };
        let address = self.address.clone().with_application_name(&order.session);
        let mut postgres = Postgres::open(&address, "source", &[pages()], options)?;
        let state = postgres.state()?.unwrap_or_default();
        let first: u64 = state.parse().unwrap_or(0);
        if first == 0 {
            postgres.begin_snapshot(&["pages".to_owned()])?;
        }
        for page in first..PAGES {
            anyhow::ensure!(!order.cancellation.is_cancelled(), "cancelled");
            self.request(&order.lease.name);
            std::thread::sleep(self.page);
            let row =
                json!({ "id": page.to_string(), "title": format!("{} {page}", order.lease.name) });
            let rows = vec![serde_json::from_value(row)?];
            postgres.write(Batch {
                stream: "pages".to_owned(),
                replaces: Vec::new(),
                rows,
            })?;
            if page % 5 == 4 && page + 1 < PAGES {
                postgres.checkpoint(&(page + 1).to_string())?;
            }
        }
        if first < PAGES {
            postgres.end_snapshot("pages", &[])?;
        }
        postgres.checkpoint(&PAGES.to_string())?;
        Ok(PAGES - first)
    }

    fn request(&self, name: &str) {
        use std::io::Write as _;
        if let Some(file) = &self.requests {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .unwrap();
            file.write_all(format!("{name}\n").as_bytes()).unwrap();
        }
    }
}

/// The requests that were noted.
pub(crate) fn requests(file: &Path) -> usize {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .count()
}

fn pages() -> Stream {
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: ColumnKind::Text,
        required: true,
    };
    Stream {
        name: "pages".to_owned(),
        description: String::new(),
        primary_key: vec!["id".to_owned()],
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: String::new(),
        scope: String::new(),
        columns: [column("id"), column("title")].into(),
        schema: json!({}),
    }
}
