//! A connector as a Singer tap.
//!
//! Messages go to standard output, for any target; logs and metrics to standard error.

mod catalog;
mod output;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use connector_destinations::stderr;
use connector_destinations::stdout::{StandardOutput, print};
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::{FailureKind, Selection};
use connector_runtime::failure::Failure;
use connector_runtime::json_view;
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use jiff::Timestamp;

use self::catalog::StreamSelection;
use self::output::{JobStatus, SingerOutput};
use self::state::TapState;
pub use crate::adapter::AdapterOptions;
use crate::adapter::{
    AdapterError, ComponentArgument, ConnectionArguments, EXIT_STATUS, connect, internal, read_file,
};
use crate::shutdown_signal::{ForcedEnd, Shutdown, end_run};

const EXAMPLES: &str = "\
Examples, behind the name of the program:
  --config config.json --discover > catalog.json
  --config config.json --catalog catalog.json --state state.json";

/// A Singer tap: reads a service through its connector.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_STATUS}\n\n{EXAMPLES}"))]
pub struct Cli {
    #[command(flatten)]
    component: ComponentArgument,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// The configuration, a JSON file; - for standard input. Not read to list the streams.
    #[arg(long, short, value_name = "FILE", required_unless_present = "discover")]
    config: Option<PathBuf>,
    /// The streams to read and how, a JSON file; everything where it is left out.
    #[arg(long, alias = "properties", short = 'p', value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// The state to go on from, a JSON file; none if it does not exist.
    #[arg(long, short, value_name = "FILE")]
    state: Option<PathBuf>,
    /// List the streams, as a catalog to select from.
    #[arg(long, short)]
    discover: bool,
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self, options: &AdapterOptions) -> ExitCode {
        let runtime = match self.component.load(options).await {
            Ok(runtime) => runtime,
            Err(error) => return report(&error),
        };
        let connection = match &self.config {
            Some(config) if !self.discover => connect(&runtime, config, &self.connection, options),
            _ => {
                let printed = print(&catalog::discovered(runtime.streams()));
                return ended(printed.map_err(|error| internal(error).into()));
            }
        };
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => return report(&error),
        };
        let inputs = match self.read_inputs(&runtime) {
            Ok(inputs) => inputs,
            Err(error) => return report(&error),
        };
        // Signals are caught once every file was read: until then, as from a pipe that nobody writes to, they end the
        // process by themselves.
        let shutdown = Shutdown::listen(ForcedEnd::Signal);
        let done = sync(&runtime, &connection, inputs, &shutdown).await;
        match (done, shutdown.received()) {
            (Err(error), Some(signal)) => {
                shutdown.write_last_lines(move || {
                    report(&error);
                });
                end_run(signal)
            }
            (done, _) => ended(done),
        }
    }

    fn read_inputs(&self, runtime: &Runtime) -> Result<Inputs, AdapterError> {
        let state = state::read(self.state.as_deref())
            .map_err(Failure::from_error(FailureKind::InvalidState))?;
        let selected = match &self.catalog {
            Some(file) => catalog::parse(&read_file(file)?, runtime.streams())
                .with_context(|| format!("{} is not a catalog", file.display()))
                .map_err(Failure::from_error(FailureKind::InvalidConfig))?,
            None => catalog::everything(runtime.streams()),
        };
        Ok(Inputs { state, selected })
    }
}

/// What a run goes on from, and what it reads.
struct Inputs {
    state: Option<TapState>,
    selected: Vec<StreamSelection>,
}

async fn sync(
    runtime: &Runtime,
    connection: &TenantConnection,
    Inputs { state, selected }: Inputs,
    shutdown: &Shutdown,
) -> Result<(), AdapterError> {
    let started = Instant::now();
    let selection = run::select(runtime.streams(), &selections(&selected))
        .map_err(Failure::from_error(FailureKind::InvalidConfig))?;
    let out = StandardOutput::open().map_err(internal)?;
    let mut output = SingerOutput::new(out, selected, state.as_ref(), Timestamp::now);
    output.write_schemas(runtime.streams()).map_err(internal)?;
    let rows = output.row_counts();
    let request = SyncRequest {
        selection: &selection,
        state: state.as_ref().map(|state| state.state.as_str()),
        cancellation: shutdown.token(),
        ..SyncRequest::default()
    };
    let ended = shutdown
        .run(run::run(runtime, connection, request, output))
        .await;
    let status = match ended {
        Ok(_) => JobStatus::Succeeded,
        Err(_) => JobStatus::Failed,
    };
    let timer = output::timer(started.elapsed().as_secs_f64(), status);
    shutdown.write_last_lines(move || {
        rows.log();
        stderr::print_line(&format!("INFO METRIC: {timer}"));
    });
    ended?;
    Ok(())
}

fn ended(done: Result<(), AdapterError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// The last line of what failed.
fn report(error: &AdapterError) -> ExitCode {
    let failure = error.failure();
    let kind = json_view::kind(failure.kind);
    stderr::print_line(&format!("CRITICAL {kind}: {}", failure.message));
    error.exit_code()
}

fn selections(selected: &[StreamSelection]) -> Vec<Selection> {
    let selection = |selected: &StreamSelection| Selection {
        stream: selected.stream.clone(),
        mode: selected.mode,
    };
    selected.iter().map(selection).collect()
}
