//! A database with a fleet in it, a mock site, and workers.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_fleet::queue;
use connector_fleet::store::{NewConnection, Store};
use connector_postgres::Address;
use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};
use postgres_for_tests::{Durability, Server};
use serde_json::Value;

/// Pages of the site.
const PAGES: usize = 20;

/// A server as in production.
pub(crate) fn server() -> Result<Server> {
    Server::start_with(Durability::Full)?.context("PostgreSQL is not installed")
}

/// A site of 20 pages that answers after so long.
pub(crate) fn mock(latency: Duration) -> Result<Mock> {
    let corpus = Corpus::generate(&CorpusSpec {
        pages: PAGES,
        ..CorpusSpec::default()
    });
    let options = MockOptions {
        latency,
        log_capacity: 0,
        ..MockOptions::new(corpus)
    };
    Ok(Mock::start(options)?)
}

/// A database of its own.
pub(crate) struct Fleet {
    pub(crate) url: String,
    pub(crate) store: Store,
}

impl Fleet {
    pub(crate) async fn new(server: &Server) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("fleet_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let admin = Address::parse(&server.url("postgres"))?.connect().await?;
        let create = format!("CREATE DATABASE {name}");
        admin.batch_execute(&create).await?;
        let url = server.url(&name);
        let address = Address::parse(&url)?;
        queue::migrate(&address).await?;
        let store = Store::new(address);
        store.migrate().await?;
        Ok(Self { url, store })
    }

    /// Adds connections with this configuration, as if each had a site of its own.
    pub(crate) async fn add(&self, connections: usize, config: &Value) -> Result<()> {
        self.add_in_mode(connections, config, "full").await
    }

    pub(crate) async fn add_in_mode(
        &self,
        connections: usize,
        config: &Value,
        mode: &str,
    ) -> Result<()> {
        for number in 0..connections {
            let connection = NewConnection {
                name: format!("c{number}"),
                config: config.clone(),
                site: format!("site {number}"),
                streams: Vec::new(),
                mode: mode.to_owned(),
                every: Duration::from_hours(24),
            };
            self.store.add(&connection).await?;
        }
        Ok(())
    }

    /// A number that a query returns.
    pub(crate) async fn number(&self, sql: &str) -> Result<f64> {
        let client = self.store.client().await?;
        let sql = format!("SELECT coalesce(({sql})::float8, 0)");
        Ok(client.query_one(&sql, &[]).await?.get(0))
    }

    /// Waits until so many runs have ended.
    pub(crate) async fn ended(&self, runs: usize) -> Result<()> {
        let ended = "SELECT count(*) FROM confluence_fleet.runs WHERE finished_at IS NOT NULL";
        while self.number(ended).await? < runs as f64 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let failed = "SELECT count(*) FROM confluence_fleet.runs WHERE outcome <> ''";
        anyhow::ensure!(self.number(failed).await? == 0.0, "a run failed");
        Ok(())
    }

    pub(crate) fn worker(&self, runs: usize) -> Result<Worker> {
        let child = Command::new(command()?)
            .args(["work", "--allow-loopback", "--runs", &runs.to_string()])
            .env("DATABASE_URL", &self.url)
            .env("RUST_LOG", "warn")
            .spawn()?;
        Ok(Worker(child))
    }
}

/// `confluence-fleet`, beside the folder of the examples.
fn command() -> Result<PathBuf> {
    let example = std::env::current_exe()?;
    let folder = example.ancestors().nth(2).context("no folder")?;
    let command = folder.join("confluence-fleet");
    anyhow::ensure!(
        command.exists(),
        "build {} first, in the same profile: cargo build --package connector-fleet",
        command.display()
    );
    Ok(command)
}

/// A worker process, which ends with this value.
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
