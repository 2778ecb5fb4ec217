//! Rows a second of whole runs into SQLite and into PostgreSQL, in turns.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use confluence_component::COMPONENT;
use connector_destinations::sqlite::{Sqlite, SqliteOptions};
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::CancellationToken;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::destination::Destination;
use connector_runtime::limits::Limits;
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};
use serde::Serialize;
use serde_json::Value;

use crate::statistics::median;
use crate::{connect, select_all};

/// Pages of a generated site.
const PAGES: usize = 1_000;

/// What both destinations took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Destinations {
    /// Rows of one run.
    pub rows: u64,
    /// Rows a second into a new SQLite file.
    pub sqlite: f64,
    /// Rows a second into a new schema.
    pub postgres: f64,
    /// The median of the pairs' ratios, PostgreSQL's rows a second by SQLite's.
    pub ratio: f64,
}

/// Reads a site, a generated one or that of a file, into a new SQLite file and into a new schema, so often in turns. The
/// schemas are dropped again.
///
/// # Errors
///
/// The corpus cannot be read, the database cannot be used, or a run fails.
pub async fn compare(
    database: &Address,
    corpus: Option<&Path>,
    pairs: usize,
) -> Result<Destinations> {
    let site = Site::start(corpus).await?;
    let folder = tempfile::Builder::new().prefix("bench").tempdir()?;
    let (mut sqlite, mut postgres, mut rows) = (Vec::new(), Vec::new(), 0);
    for pair in 0..pairs {
        let file = folder.path().join(format!("{pair}.sqlite"));
        let (streams, options) = (site.runtime.streams(), SqliteOptions::default());
        let (read, took) = site
            .read(Sqlite::open(&file, "bench", streams, options)?)
            .await?;
        sqlite.push(took.as_secs_f64());
        let schema = Schema::new(database, pair);
        let (read_again, took) = site.read(schema.open(&site.runtime)?).await?;
        postgres.push(took.as_secs_f64());
        schema.remove().await?;
        ensure!(
            read == read_again,
            "{read} and {read_again} rows of one site"
        );
        rows = read;
    }
    let ratios = sqlite
        .iter()
        .zip(&postgres)
        .map(|(sqlite, postgres)| sqlite / postgres);
    #[expect(clippy::cast_precision_loss, reason = "figures for a table")]
    let rate = |seconds: &[f64]| rows as f64 / median(seconds.iter().copied());
    Ok(Destinations {
        rows,
        sqlite: rate(&sqlite),
        postgres: rate(&postgres),
        ratio: median(ratios),
    })
}

/// A mock site, and the connector that reads it.
struct Site {
    mock: Mock,
    runtime: Runtime,
}

impl Site {
    async fn start(corpus: Option<&Path>) -> Result<Self> {
        let corpus = match corpus {
            Some(file) => Corpus::load(file)?,
            None => Corpus::generate(&CorpusSpec {
                pages: PAGES,
                ..CorpusSpec::default()
            }),
        };
        let options = MockOptions {
            log_capacity: 0,
            ..MockOptions::new(corpus)
        };
        Ok(Self {
            mock: Mock::start(options)?,
            runtime: Runtime::load(&ComponentSource::embedded(COMPONENT)).await?,
        })
    }

    /// The rows of a run of everything, and how long it took.
    async fn read(&self, destination: impl Destination + 'static) -> Result<(u64, Duration)> {
        let connection = connect(&self.runtime, &self.mock.config_json().to_string())?;
        let selection = select_all(&self.runtime);
        let request = SyncRequest {
            limits: Limits::default(),
            selection: &selection,
            state: None,
            cancellation: CancellationToken::new(),
        };
        let begun = Instant::now();
        let completed = run::run(&self.runtime, &connection, request, destination).await;
        let took = begun.elapsed();
        let completed = completed.map_err(|failure| anyhow::Error::msg(failure.message))?;
        let rows = completed.summary.get("rows").and_then(Value::as_object);
        let rows = rows.into_iter().flat_map(|rows| rows.values());
        Ok((rows.filter_map(Value::as_u64).sum(), took))
    }
}

/// A schema that nobody else uses.
struct Schema<'a> {
    database: &'a Address,
    name: String,
}

impl<'a> Schema<'a> {
    fn new(database: &'a Address, number: usize) -> Self {
        let process = std::process::id();
        Self {
            database,
            name: format!("bench_{process}_{number}"),
        }
    }

    fn open(&self, runtime: &Runtime) -> Result<Postgres> {
        let options = PostgresOptions::new(self.name.clone());
        Postgres::open(self.database, "bench", runtime.streams(), options)
    }

    async fn remove(self) -> Result<()> {
        let client = self.database.connect().await?;
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        Ok(client.batch_execute(&sql).await?)
    }
}
