//! `confluence-fleet`: many Confluence connections over many workers.

mod arguments;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use connector_destinations::text_file;
use connector_fleet::connector::{self, ComponentRunner};
use connector_fleet::lease::SiteLimit;
use connector_fleet::metrics::{self, Metrics};
use connector_fleet::secrets::Vault;
use connector_fleet::simulate::report;
use connector_fleet::store::{NewConnection, Store};
use connector_fleet::worker::{self, WorkerSettings};
use connector_fleet::{configuration, queue, start, status};
use connector_postgres::Address;
use connector_runtime::CancellationToken;
use connector_runtime::compile_child;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::runtime::Runtime;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::{Add, Arguments, Command, ModeName, Work};

/// How long runs may take to end when a worker stops.
const GRACE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    // A child that compiles a component has no other task, and no threads.
    compile_child::run_if_requested().unwrap_or_else(parse_and_run)
}

fn parse_and_run() -> ExitCode {
    let arguments: Arguments = match connector_protocols::arguments::parse("confluence-fleet") {
        Ok(arguments) => arguments,
        Err(ended) => return ended,
    };
    log_to_stderr();
    let ended = tokio::runtime::Runtime::new()
        .context("no thread can be started")
        .and_then(|runtime| {
            let ended = runtime.block_on(run(arguments));
            // A thread that waits for a lock in the database must not keep the process.
            runtime.shutdown_background();
            ended
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs a line for each run, and what goes wrong elsewhere; `RUST_LOG` changes that.
fn log_to_stderr() {
    let asked = std::env::var("RUST_LOG").ok();
    let asked = asked.and_then(|levels| levels.parse::<Targets>().ok());
    let usual = || {
        Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("connector_fleet", LevelFilter::INFO)
            .with_target("confluence_fleet", LevelFilter::INFO)
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(lines.with_filter(asked.unwrap_or_else(usual)))
        .init();
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Command::Simulate { fleet, json } = &arguments.command {
        let found = fleet.found();
        return print(&if *json {
            format!("{}\n", report::json(fleet, &found))
        } else {
            report::table(fleet, &found)
        });
    }
    let address = arguments.address();
    let store = Store::new(address.clone());
    match arguments.command {
        Command::Migrate => {
            // The queue's own words for a database that cannot be reached are no use to a person.
            store.refuse_tables_of_others().await?;
            // The fleet's schema comes first: the queue does not say why it was refused.
            store.make_schema().await?;
            queue::migrate(&address).await?;
            store.migrate().await
        }
        Command::Add(new) => add(&store, new).await,
        Command::Pause { name } => store.pause(&name).await,
        Command::Resume { name, max_delete } => store.resume(&name, max_delete).await,
        Command::Remove { name } => remove(&store, &name).await,
        Command::Status { json } => {
            let connections = status::read(&store).await?;
            if json {
                print(&format!("{}\n", Value::Array(connections)))
            } else {
                print(&status::table(&connections))
            }
        }
        Command::Work(work) => serve(address, store, work).await,
        Command::Simulate { .. } => Ok(()),
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<()> {
    use std::io::Write as _;
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

async fn load() -> Result<Runtime> {
    Runtime::load(&ComponentSource::embedded(confluence_component::COMPONENT)).await
}

fn vault() -> Result<Vault> {
    Vault::new(std::env::var("FLEET_KEY").ok().as_deref())
}

async fn remove(store: &Store, name: &str) -> Result<()> {
    let schema = store.remove(name).await?;
    print(&format!(
        "removed {name:?}; the rows that it delivered stay in the schema {schema}\n"
    ))
}

async fn add(store: &Store, new: Add) -> Result<()> {
    configuration::check_name(&new.name)?;
    let text = text_file::read(&new.config)?;
    let config = serde_json::from_str(&text);
    let config = config.with_context(|| format!("{} is not JSON", new.config.display()))?;
    let Value::Object(mut config) = config else {
        anyhow::bail!("{} is not a JSON object", new.config.display());
    };
    let runtime = load().await?;
    let known = |name: &String| runtime.streams().iter().any(|stream| stream.name == *name);
    if let Some(unknown) = new.streams.iter().find(|name| !known(name)) {
        anyhow::bail!("there is no stream {unknown:?}");
    }
    ensure!(!new.every.is_zero(), "--every is at least a second");
    let description = runtime.description();
    configuration::check(description, &mut config)?;
    let vault = vault()?;
    if vault.has_key() {
        start::check_key(store, &vault).await?;
    }
    vault.seal(&new.name, &description.secret_fields, &mut config)?;
    let config = Value::Object(config);
    let connection = NewConnection {
        site: connector::site(description, &config)?,
        name: new.name,
        config,
        streams: new.streams,
        mode: match new.mode {
            ModeName::Full => "full",
            ModeName::Incremental => "incremental",
        }
        .to_owned(),
        every: new.every,
    };
    store.add(&connection).await.map(drop)
}

async fn serve(address: Address, store: Store, work: Work) -> Result<()> {
    let counters = Metrics::default();
    if let Some(address) = work.metrics {
        let bound = metrics::serve(address, counters.clone()).await?;
        tracing::info!("metrics at http://{bound}/metrics");
    }
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_signal(stop.clone()));
    let runner = ComponentRunner {
        runtime: load().await?,
        vault: vault()?.with_references(work.references()),
        address: address.clone(),
        network: work.network()?,
    };
    if !start::ready(&store, &runner.vault, &stop).await? {
        return Ok(());
    }
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let settings = WorkerSettings {
        address,
        name: format!("{}/{}", host.trim(), std::process::id()),
        runs: usize::try_from(work.runs)?,
        lease: Duration::from_secs(work.lease),
        site: SiteLimit {
            requests: work.site_requests,
            runs: (work.runs / 2).clamp(1, work.site_requests),
        },
        grace: GRACE,
    };
    worker::work(settings, store, runner, counters, stop).await
}

async fn cancel_on_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
}
