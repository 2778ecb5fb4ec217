//! `host-test demo`: everything at once, for somebody who has just arrived.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use connector_destinations::progress::ProgressOutput;
use connector_destinations::sqlite::{Sqlite, SqliteOptions};
use connector_destinations::stderr::print_line;
use connector_protocols::shutdown_signal::{ForcedEnd, Shutdown};
use connector_runtime::connection::{Signing, TenantConnection};
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::destination::NullDestination;
use connector_runtime::failure::Failure;
use connector_runtime::limits::Limits;
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};

use super::context::Context;
use super::error::CommandResult;
use super::{confluence_views, report};

pub(super) async fn run(context: &Context) -> CommandResult {
    let mock = Mock::start(MockOptions {
        latency: Duration::from_millis(5),
        ..MockOptions::new(Corpus::generate(&CorpusSpec::default()))
    })
    .context("the mock cannot listen on loopback")?;
    print_line(&format!("A mock Confluence listens on {}.", mock.addr()));
    let runtime = context.load().await?;
    let config = mock.config_json().to_string();
    let connection = runtime.connect(&config, context.connection_options(Signing::Guest))?;
    validate(&runtime, &connection).await?;
    let file = private_folder()?.join("confluence.sqlite");
    sync(context, &runtime, &connection, file.clone()).await?;
    let page = file.with_extension("html");
    report::write(&file, &page, report::today())?;
    let page = page.display();
    print_line(&format!(
        "A report about them, to open in a browser, is {page}"
    ));
    Ok(ExitCode::SUCCESS)
}

async fn validate(runtime: &Runtime, connection: &TenantConnection) -> Result<()> {
    let cancellation = Shutdown::listen(ForcedEnd::Failure).token();
    let nothing = Box::new(NullDestination);
    let found = runtime
        .validate(connection, Limits::default(), nothing, &cancellation)
        .await?;
    if let Some(error) = found.error {
        bail!("validation failed: {}", error.message);
    }
    let endpoints = found.endpoints.len();
    print_line(&format!(
        "The credentials are good for all {endpoints} endpoints."
    ));
    Ok(())
}

async fn sync(
    context: &Context,
    runtime: &Runtime,
    connection: &TenantConnection,
    file: PathBuf,
) -> Result<()> {
    let connector = &runtime.description().name;
    let options = SqliteOptions {
        views: confluence_views::of(runtime, None),
        ..SqliteOptions::default()
    };
    let sqlite = Sqlite::open(&file, connector, runtime.streams(), options)?;
    let destination = ProgressOutput::new(sqlite, context.verbosity);
    let counts = destination.counts();
    let everything = runtime.streams().iter().map(|stream| Selection {
        stream: stream.name.clone(),
        mode: Mode::Full,
    });
    let request = SyncRequest {
        selection: &everything.collect::<Vec<_>>(),
        ..SyncRequest::default()
    };
    let ended = run::run(runtime, connection, request, destination).await;
    let completed = ended.map_err(|Failure { message, .. }| {
        anyhow::Error::msg(message).context("the sync failed")
    })?;
    for (stream, rows) in counts.get().rows {
        print_line(&format!("{rows:>8}  {stream}"));
    }
    let requests = completed.usage.requests;
    let file = file.display();
    print_line(&format!("{requests} requests. All rows are in {file}"));
    Ok(())
}

/// A new folder that nobody else can read or write.
fn private_folder() -> Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix("confluence-demo-")
        .tempdir();
    Ok(folder.context("no temporary folder can be made")?.keep())
}
