//! The command `source-confluence-cloud`: the connector as an Airbyte source.
//!
//! It speaks the Airbyte protocol on standard output and keeps nothing: configuration, catalog and state are
//! files that the caller brings.

mod messages;
mod output;
mod state;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

use self::messages::Status;
use self::output::Airbyte;
use self::state::States;
use connector_destinations::stdout::print;
use connector_runtime::engine::{Failure, FailureKind, Mode, ComponentSource, Runtime, Selection};
use connector_runtime::limits::Limits;
use connector_destinations::seldom::{PAUSE, Seldom};
use connector_runtime::run::{self, failure};
use crate::settings;

/// Reads Confluence Cloud as an Airbyte source.
#[derive(Debug, Parser)]
#[command(name = "source-confluence-cloud", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Describe the configuration.
    Spec,
    /// Ask every endpoint once and say whether the configuration is good.
    Check {
        /// The configuration, a JSON file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// List the streams.
    Discover {
        /// Not looked at: every site has the same streams.
        #[arg(long = "config", value_name = "FILE")]
        _config: Option<PathBuf>,
    },
    /// Read streams.
    Read(ReadArguments),
}

#[derive(Debug, Args)]
struct ReadArguments {
    /// The configuration, a JSON file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The streams to read and how, a JSON file.
    #[arg(long, value_name = "FILE")]
    catalog: PathBuf,
    /// The states to go on from, a JSON file; none if it isn't there.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ConfiguredCatalog {
    streams: Vec<ConfiguredStream>,
}

#[derive(Deserialize)]
struct ConfiguredStream {
    stream: Named,
    sync_mode: SyncMode,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SyncMode {
    FullRefresh,
    Incremental,
}

impl Cli {
    /// Does what was asked for. What goes wrong is said as a message too.
    pub async fn run(self, component: &ComponentSource) -> ExitCode {
        let done = match self.command {
            Command::Spec => spec(),
            Command::Check { config } => check(component, &config).await,
            Command::Discover { .. } => discover(component).await,
            Command::Read(arguments) => read(component, &arguments).await,
        };
        let Err(failure) = done else {
            return ExitCode::SUCCESS;
        };
        if let Err(error) = print(&messages::error(&failure, now())) {
            eprintln!("{error:#}: {}", failure.message);
        }
        ExitCode::FAILURE
    }
}

fn spec() -> Result<(), Failure> {
    let schema = settings::schema().map_err(internal)?;
    print(&messages::spec(&schema)).map_err(internal)
}

async fn check(component: &ComponentSource, config: &Path) -> Result<(), Failure> {
    let checked = match settings::connect(config) {
        Ok(connection) => {
            let log = Airbyte::new(std::io::stdout(), &[], 0, now);
            let runtime = Runtime::new(component).map_err(internal)?;
            let found = runtime
                .validate(&connection, Limits::default(), Box::new(log))
                .await;
            found.map_err(internal)?.error.map_or(Ok(()), Err)
        }
        Err(failure) => Err(failure),
    };
    print(&messages::connection_status(&checked)).map_err(internal)
}

async fn discover(component: &ComponentSource) -> Result<(), Failure> {
    let runtime = Runtime::new(component).map_err(internal)?;
    let streams = runtime.list_streams().await.map_err(internal)?;
    let catalog = messages::catalog(&streams).map_err(|error| internal(error.into()))?;
    print(&catalog).map_err(internal)
}

async fn read(component: &ComponentSource, arguments: &ReadArguments) -> Result<(), Failure> {
    let connection = settings::connect(&arguments.config)?;
    let configured = wishes(&arguments.catalog).map_err(failure(FailureKind::InvalidConfig))?;
    let states =
        States::read(arguments.state.as_deref()).map_err(failure(FailureKind::InvalidState))?;
    let runtime = Runtime::new(component).map_err(internal)?;
    let streams = runtime.list_streams().await.map_err(internal)?;
    let wishes: Vec<_> = configured
        .iter()
        .map(|(name, mode)| (name.clone(), states.mode(name, *mode)))
        .collect();
    let selection = run::select(&streams, &wishes).map_err(failure(FailureKind::InvalidConfig))?;
    tell(&selection, Status::Started).map_err(internal)?;
    let output = Airbyte::new(std::io::stdout(), &selection, states.last_checkpoint(), now);
    let ended = run::run(
        &runtime,
        &connection,
        Limits::default(),
        &selection,
        states.common(&wishes),
        Seldom::new(output, PAUSE),
    )
    .await;
    let reached = match ended {
        Ok(_) => Status::Complete,
        Err(_) => Status::Incomplete,
    };
    tell(&selection, reached).map_err(internal)?;
    ended.map(|_| ())
}

/// The streams of a configured catalog.
fn wishes(file: &Path) -> Result<Vec<(String, Mode)>> {
    let unreadable = || format!("the catalog {} can't be read", file.display());
    let catalog = std::fs::read_to_string(file).with_context(unreadable)?;
    let catalog: ConfiguredCatalog = serde_json::from_str(&catalog).with_context(unreadable)?;
    let wish = |configured: ConfiguredStream| {
        let mode = match configured.sync_mode {
            SyncMode::FullRefresh => Mode::Full,
            SyncMode::Incremental => Mode::Incremental,
        };
        (configured.stream.name, mode)
    };
    Ok(catalog.streams.into_iter().map(wish).collect())
}

fn tell(selection: &[Selection], status: Status) -> Result<()> {
    selection
        .iter()
        .try_for_each(|selected| print(&messages::stream_status(&selected.stream, status, now())))
}

fn internal(error: anyhow::Error) -> Failure {
    failure(FailureKind::Other)(error)
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
