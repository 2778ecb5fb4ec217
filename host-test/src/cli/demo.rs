//! `host-test demo`: everything at once, for somebody who has just arrived.

use std::process::ExitCode;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::report;
use connector_runtime::connection::Connection;
use connector_runtime::engine::{Mode, Nothing, ComponentSource, Runtime, Selection};
use connector_runtime::limits::Limits;
use mock_confluence::{Corpus, Mock, MockOptions, CorpusSpec};
use connector_destinations::sqlite::Sqlite;
use connector_destinations::progress::Watched;

pub(super) async fn run(component: &ComponentSource) -> Result<ExitCode> {
    let options_of_mock = MockOptions {
        latency: Duration::from_millis(5),
        ..MockOptions::new(Corpus::generate(&CorpusSpec::default()))
    };
    let mock = Mock::start(options_of_mock).context("the mock can't listen on loopback")?;
    let config = mock.config_json().to_string();
    eprintln!("A mock Confluence listens on {}.", mock.addr());
    let runtime = Runtime::new(component)?;
    let connection = Connection::new(&config);
    let found = runtime
        .validate(&connection, Limits::default(), Box::new(Nothing))
        .await?;
    if let Some(error) = found.error {
        bail!("validation failed: {}", error.message);
    }
    eprintln!(
        "The credentials are good for all {} endpoints.",
        found.endpoints.len()
    );
    let streams = runtime.list_streams().await?;
    let file = std::env::temp_dir().join(format!("confluence-demo-{}.sqlite", std::process::id()));
    let sqlite = Sqlite::open(&file, &streams)?;
    let watched = Watched::new(sqlite);
    let count = watched.count();
    let selection: Vec<_> = streams
        .iter()
        .map(|stream| Selection {
            stream: stream.name.clone(),
            mode: Mode::Full,
        })
        .collect();
    let outcome = runtime
        .sync(
            &connection,
            Limits::default(),
            &selection,
            None,
            Box::new(watched),
        )
        .await?;
    if let Err(failure) = outcome.result {
        bail!("the sync failed: {}", failure.message);
    }
    for (stream, rows) in &count.lock().unwrap_or_else(PoisonError::into_inner).rows {
        println_row(stream, *rows);
    }
    eprintln!(
        "{} requests. All rows are in {}",
        outcome.usage.requests,
        file.display()
    );
    let page = file.with_extension("html");
    report::write(&file, &page, report::today())?;
    eprintln!(
        "A report about them, to open in a browser, is {}",
        page.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn println_row(stream: &str, rows: u64) {
    eprintln!("{rows:>8}  {stream}");
}
