//! `host-test sync`: reads streams into JSON lines, SQLite or PostgreSQL, with a state that survives.

mod destination;
mod interrupted;
mod members;
mod summary;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::{Args, ValueEnum};
use connector_destinations::progress::ProgressOutput;
use connector_destinations::sqlite::MaxDelete;
use connector_destinations::stderr;
use connector_destinations::stdout::print_last;
use connector_protocols::shutdown_signal::{ForcedEnd, Shutdown};
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::{FailureKind, Mode, Selection};
use connector_runtime::failure::Failure;
use connector_runtime::limits::Limits;
use connector_runtime::run::{self, Completed};
use connector_runtime::runtime::{Runtime, SyncRequest};
use connector_runtime::stream::Stream;

use self::destination::{Opened, Tables, Target};
use self::interrupted::{Preparing, end_interrupted};
use self::summary::RunReport;
use super::context::{ConfigArguments, Context};
use super::error::{CommandError, CommandResult};

pub(super) const EXAMPLE: &str = "\
Examples:
  host-test sync --config config.json --streams pages,users > rows.jsonl
  host-test sync --config config.json --to sqlite:docs.sqlite --mode incremental
  host-test sync --config config.json --to jsonl:rows --state state.json";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Streams to read, by name; all of them where this is left out.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    streams: Vec<String>,
    /// How to read them; streams without an incremental mode are read in full.
    #[arg(long, value_enum, default_value = "full")]
    mode: ModeName,
    /// Where the state is kept; read if it exists, replaced at each checkpoint.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where rows go: lines on standard output, a file of lines for each stream, SQLite, or a schema in
    /// PostgreSQL. Folders and databases keep the state too.
    #[arg(
        long,
        default_value = "jsonl",
        value_name = "jsonl|jsonl:DIR|sqlite:FILE|postgres:URL"
    )]
    to: Target,
    /// The schema in PostgreSQL, one for each connection; named like the connector where this is left out.
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// How much of a stream's table the end of a snapshot may delete in a database, beyond 20 rows; 100 allows everything.
    #[arg(long, default_value_t = 30, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    max_delete: u8,
    /// Rows per second that the destination takes at most.
    #[arg(long, value_name = "N")]
    rows_per_second: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Full,
    Incremental,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> CommandResult {
    arguments.check()?;
    let shutdown = Shutdown::listen(ForcedEnd::Failure);
    let mut report = RunReport::new(Instant::now());
    let preparing = Preparing::begin(&shutdown, &report);
    let ended = execute(context, arguments, &mut report, &shutdown, preparing).await?;
    let line = report.last_line(&ended);
    if let Err(failure) = &ended
        && failure.kind == FailureKind::Cancelled
    {
        end_interrupted(line, failure);
    }
    RunReport::warn_of_wrong_members(&ended);
    print_last(&line)?;
    match ended {
        Ok(_) => {
            report.print_rows(context.verbosity);
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            stderr::print_line(&format!("error: {}", failure.message));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Loads the component, connects and reads. What is wrong with the call itself is the outer error; everything else
/// has a kind.
async fn execute(
    context: &Context,
    arguments: &Arguments,
    report: &mut RunReport,
    shutdown: &Shutdown,
    preparing: Preparing,
) -> CommandResult<Result<Completed, Failure>> {
    let runtime = match context.load().await {
        Ok(runtime) => runtime,
        Err(CommandError::Failed(error)) => {
            return Ok(Err(Failure::from_error(FailureKind::Other)(error)));
        }
        Err(usage) => return Err(usage),
    };
    let selection = select(runtime.streams(), arguments)?;
    let connection = match context.connect(&runtime, &arguments.config)? {
        Ok(connection) => connection,
        Err(failure) => return Ok(Err(failure)),
    };
    let run = Run {
        context,
        arguments,
        runtime: &runtime,
        connection: &connection,
        selection: &selection,
    };
    Ok(run.execute(report, shutdown, preparing).await)
}

impl Arguments {
    /// Options that go together.
    fn check(&self) -> Result<(), CommandError> {
        match self.to {
            Target::Postgres(_) => Ok(()),
            _ if self.schema.is_none() => Ok(()),
            _ => Err(CommandError::usage(
                "--schema is a schema in PostgreSQL: use it with --to postgres:URL",
            )),
        }
    }
}

/// The streams asked for, or all of them.
fn select(streams: &[Stream], arguments: &Arguments) -> CommandResult<Vec<Selection>> {
    let mode = match arguments.mode {
        ModeName::Full => Mode::Full,
        ModeName::Incremental => Mode::Incremental,
    };
    let mut names = arguments.streams.clone();
    if names.is_empty() {
        names.extend(streams.iter().map(|stream| stream.name.clone()));
    }
    let wanted = names.into_iter().map(|stream| Selection { stream, mode });
    run::select(streams, &wanted.collect::<Vec<_>>()).map_err(CommandError::Usage)
}

/// One run.
struct Run<'a> {
    context: &'a Context,
    arguments: &'a Arguments,
    runtime: &'a Runtime,
    connection: &'a TenantConnection,
    selection: &'a [Selection],
}

impl Run<'_> {
    async fn execute(
        &self,
        report: &mut RunReport,
        shutdown: &Shutdown,
        preparing: Preparing,
    ) -> Result<Completed, Failure> {
        // A destination may have to be waited for.
        let opened = tokio::task::block_in_place(|| self.open());
        drop(preparing);
        let Opened {
            destination,
            state,
            sweeps,
            stop,
            folder: _folder,
        } = opened?;
        let connection = self.connection.clone();
        let destination = ProgressOutput::new(destination, self.context.verbosity)
            .with_requests(move || connection.sent_requests());
        report.watch(destination.counts(), sweeps, self.connection);
        let cancelled = shutdown.token();
        tokio::spawn(async move {
            cancelled.cancelled().await;
            stop.store(true, Ordering::Relaxed);
        });
        let request = SyncRequest {
            limits: Limits {
                rows_per_second: self.arguments.rows_per_second,
                ..Limits::default()
            },
            selection: self.selection,
            state: state.as_deref(),
            cancellation: shutdown.token(),
        };
        let run = run::run(self.runtime, self.connection, request, destination);
        let mut ended = shutdown.run(run).await;
        if ended.is_ok() {
            let finished = self.arguments.to.finish(&report.unclosed(self.selection));
            ended = finished.map_err(destination::unusable).and(ended);
        }
        if shutdown.received().is_none() {
            report.warn_of_remembered_closes();
        }
        report.with_refused_closes(ended, self.arguments.max_delete)
    }

    /// The destination, and the state to begin with. Nothing was sent yet.
    fn open(&self) -> Result<Opened, Failure> {
        let max_delete =
            MaxDelete::percent(self.arguments.max_delete).map_err(destination::unusable)?;
        destination::open(
            &self.arguments.to,
            self.arguments.state.as_deref(),
            self.runtime,
            self.selection,
            &Tables {
                max_delete,
                schema: self.arguments.schema.clone(),
            },
        )
    }
}
