//! A connector as an Airbyte source.
//!
//! It speaks the Airbyte protocol on standard output and keeps nothing: configuration, catalog and state are files of
//! the caller.

mod catalog;
mod messages;
mod output;
mod state;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use connector_destinations::stderr;
use connector_destinations::stdout::{StandardOutput, print, print_last};
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::{FailureKind, Mode, Selection};
use connector_runtime::failure::Failure;
use connector_runtime::limits::Limits;
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use serde_json::Value;

use self::messages::Status;
use self::output::{AirbyteOutput, LastCheckpoint, RunPhase};
use self::state::States;
pub use crate::adapter::AdapterOptions;
use crate::adapter::{
    AdapterError, ComponentArgument, ConnectionArguments, EXIT_STATUS, connect, internal, read_file,
};
use crate::shutdown_signal::{ForcedEnd, Shutdown, end_run};

const EXAMPLES: &str = "\
Examples, behind the name of the program:
  check --config config.json
  read --config config.json --catalog catalog.json --state state.json";

/// An Airbyte source: reads a service through its connector.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_STATUS}\n\n{EXAMPLES}"))]
pub struct Cli {
    #[command(flatten)]
    component: ComponentArgument,
    #[command(flatten)]
    connection: ConnectionArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Describe the configuration.
    Spec,
    /// Send a request to every endpoint and say whether the configuration is good.
    Check {
        /// The configuration, a JSON file; - for standard input.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// List the streams.
    Discover {
        /// Not read: every account has the same streams.
        #[arg(long = "config", value_name = "FILE")]
        _config: Option<PathBuf>,
    },
    /// Read streams.
    Read(ReadArguments),
}

#[derive(Debug, Args)]
struct ReadArguments {
    /// The configuration, a JSON file; - for standard input.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The streams to read and how, a JSON file.
    #[arg(long, value_name = "FILE")]
    catalog: PathBuf,
    /// The states to go on from, a JSON file; none if it does not exist.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for. What goes wrong is reported as a message too.
    pub async fn run(self, options: &AdapterOptions) -> ExitCode {
        let runtime = match self.component.load(options).await {
            Ok(runtime) => runtime,
            Err(error) => return report(&error),
        };
        let connect = |config: &Path| connect(&runtime, config, &self.connection, options);
        // Signals are caught once every file was read: until then, as from a pipe that nobody writes to, they end the
        // process by themselves.
        let (done, shutdown) = match self.command {
            Command::Spec => (write_result(&messages::spec(runtime.description())), None),
            Command::Discover { .. } => (write_result(&messages::catalog(runtime.streams())), None),
            Command::Check { config } => {
                let connection = connect(&config);
                let shutdown = Shutdown::listen(ForcedEnd::Signal);
                let done = check(&runtime, connection, &shutdown).await;
                (done, Some(shutdown))
            }
            Command::Read(arguments) => match connect(&arguments.config)
                .and_then(|connection| Ok((connection, ReadInputs::read(&arguments)?)))
            {
                Ok((connection, inputs)) => {
                    let shutdown = Shutdown::listen(ForcedEnd::Signal);
                    let done = read(&runtime, &connection, inputs, &shutdown).await;
                    (done, Some(shutdown))
                }
                Err(error) => (Err(error), None),
            },
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => match shutdown.and_then(|shutdown| shutdown.received()) {
                Some(signal) => end_run(signal),
                None => report(&error),
            },
        }
    }
}

/// The last message of what failed.
fn report(error: &AdapterError) -> ExitCode {
    let failure = error.failure();
    if print_last(&messages::error(failure, now())).is_err() {
        stderr::print_line(&failure.message);
    }
    error.exit_code()
}

/// Writes the message that a command ends with.
fn write_result(message: &Value) -> Result<(), AdapterError> {
    Ok(print_last(message).map_err(internal)?)
}

fn write(message: &Value) -> Result<(), Failure> {
    print(message).map_err(internal)
}

async fn check(
    runtime: &Runtime,
    connection: Result<TenantConnection, AdapterError>,
    shutdown: &Shutdown,
) -> Result<(), AdapterError> {
    let checked = match connection {
        Ok(connection) => {
            let last = LastCheckpoint::new(&[], 0, None);
            let out = StandardOutput::open().map_err(internal)?;
            let log = Box::new(AirbyteOutput::new(out, last, now));
            let token = shutdown.token();
            let validation = runtime.validate(&connection, Limits::default(), log, &token);
            let validation = Box::pin(validation);
            let found = shutdown.run(async { validation.await.map_err(internal) });
            found.await?.error.map_or(Ok(()), Err)
        }
        Err(error) => Err(error.into_failure()),
    };
    match (checked, shutdown.received()) {
        // What was found after the signal may be no more than that it came.
        (Err(failure), Some(_)) => Err(failure.into()),
        (checked, _) => write_result(&messages::connection_status(&checked)),
    }
}

/// What a run reads, and what it goes on from.
struct ReadInputs {
    configured: Vec<(String, Mode)>,
    states: States,
}

impl ReadInputs {
    fn read(arguments: &ReadArguments) -> Result<Self, AdapterError> {
        let catalog = read_file(&arguments.catalog)?;
        let configured = catalog::configured_modes(&catalog)
            .with_context(|| {
                format!(
                    "{} is not a configured catalog",
                    arguments.catalog.display()
                )
            })
            .map_err(Failure::from_error(FailureKind::InvalidConfig))?;
        let states = States::read(arguments.state.as_deref())
            .map_err(Failure::from_error(FailureKind::InvalidState))?;
        Ok(Self { configured, states })
    }
}

async fn read(
    runtime: &Runtime,
    connection: &TenantConnection,
    ReadInputs { configured, states }: ReadInputs,
    shutdown: &Shutdown,
) -> Result<(), AdapterError> {
    let wanted = configured.into_iter().map(|(stream, mode)| Selection {
        mode: states.mode(&stream, mode),
        stream,
    });
    let wanted: Vec<_> = wanted.collect();
    let selection = run::select(runtime.streams(), &wanted)
        .map_err(Failure::from_error(FailureKind::InvalidConfig))?;
    let state = states.common(&selection);
    let last = LastCheckpoint::new(&selection, states.last_checkpoint(), state);
    write_statuses(&selection, Status::Started)?;
    let request = SyncRequest {
        selection: &selection,
        state,
        cancellation: shutdown.token(),
        ..SyncRequest::default()
    };
    let out = StandardOutput::open().map_err(internal)?;
    let output = AirbyteOutput::new(out, last.clone(), now);
    let ended = shutdown
        .run(run::run(runtime, connection, request, output))
        .await;
    match &ended {
        Ok(_) => {
            let states = last.states(RunPhase::Ended, |_| 0);
            states.iter().try_for_each(write)?;
            write_statuses(&selection, Status::Complete)?;
        }
        Err(_) if shutdown.received().is_some() => {}
        Err(_) => write_statuses(&selection, Status::Incomplete)?,
    }
    ended?;
    Ok(())
}

fn write_statuses(selection: &[Selection], status: Status) -> Result<(), Failure> {
    selection
        .iter()
        .try_for_each(|selected| write(&messages::stream_status(&selected.stream, status, now())))
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
