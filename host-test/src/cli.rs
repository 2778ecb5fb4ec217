//! The command line: subcommands, options, and the exit status.

mod artifact;
mod bench;
mod cloud_id;
mod completions;
mod confluence_views;
mod context;
mod demo;
mod error;
mod init;
mod mock;
mod plan;
mod report;
mod sync;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use connector_destinations::progress::Verbosity;
use connector_destinations::stdout::print;
use connector_protocols::logging;
use connector_protocols::shutdown_signal::{ForcedEnd, enforce_deadline, next_signal};
use connector_protocols::wasi_argument::WasiArgument;
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::json_view;
use ipnet::IpNet;
use serde_json::json;

use self::context::Context;
use self::error::{CommandError, CommandResult};

const AFTER_HELP: &str = "\
Exit status:
  0  everything was done
  1  a failure with a kind: see the last line of standard output, or standard error
  2  a wrong option, or a file that cannot be read

Examples:
  host-test demo
  host-test init --site example.atlassian.net
  host-test validate --config config.json
  host-test sync --config config.json --to sqlite:docs.sqlite --mode incremental";

/// Reads Confluence Cloud, or any service with a connector of this contract, into files and databases.
///
/// The connector is a WebAssembly component that runs in a sandbox. JSON goes to standard output, progress and logs to
/// standard error.
#[derive(Debug, Parser)]
#[command(name = "host-test", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Load this component instead of the one built in: for validate, streams, sync and bench.
    #[arg(long, global = true, value_name = "FILE")]
    component: Option<PathBuf>,
    #[command(flatten)]
    wasi: WasiArgument,
    /// Allow addresses of a network that is not part of the public internet; may be repeated.
    #[arg(long, global = true, value_name = "CIDR")]
    allow_network: Vec<IpNet>,
    #[command(flatten)]
    output: OutputArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct OutputArguments {
    /// Log every request; twice for more.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Show warnings and errors alone.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl OutputArguments {
    fn verbosity(&self) -> Verbosity {
        if self.quiet {
            Verbosity::Quiet
        } else {
            Verbosity::Normal
        }
    }

    /// What is logged: of the compiler and the HTTP library nothing but warnings.
    fn log_filter(&self) -> &'static str {
        match self.verbose {
            0 => "warn",
            1 => "warn,connector_runtime=info",
            _ => "warn,connector_runtime=debug",
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it all: a mock site, validated, read into SQLite, with a report.
    #[command(after_help = "Example:\n  host-test demo")]
    Demo,
    /// Ask for site, account and token, write a private configuration and validate it.
    #[command(after_help = init::EXAMPLE)]
    Init(init::Arguments),
    /// Send a request to every endpoint and say what the credentials may read.
    #[command(after_help = "Example:\n  host-test validate --config config.json")]
    Validate(context::ConfigArguments),
    /// List the streams.
    #[command(after_help = "Example:\n  host-test streams")]
    Streams,
    /// Read streams into JSON lines, SQLite or PostgreSQL.
    #[command(after_help = sync::EXAMPLE)]
    Sync(Box<sync::Arguments>),
    /// Make a page about what a sync has read into SQLite.
    #[command(after_help = "Example:\n  host-test report sqlite:docs.sqlite --html report.html")]
    Report(report::Arguments),
    /// Split a site over several runs, or estimate what it costs to read it.
    Plan(plan::Arguments),
    /// Find the cloud id of a site and print the base_url for a scoped token.
    #[command(after_help = "Example:\n  host-test cloud-id example.atlassian.net")]
    CloudId {
        /// The site, such as example.atlassian.net.
        site: String,
    },
    /// Run the mock alone until interrupted; prints one line of JSON, a configuration for --config.
    Mock(mock::Arguments),
    /// Measure what the sandbox costs, and many tenants at once; with tables for a person and JSON.
    #[command(after_help = bench::EXAMPLE)]
    Bench(bench::Arguments),
    #[command(hide = true)]
    BenchRun,
    /// Write the component and what belongs to it into dist/, in the workspace that it was built from.
    #[command(after_help = "Example:\n  host-test artifact")]
    Artifact,
    /// Print completions for a shell.
    #[command(
        after_help = "Example:\n  host-test completions bash > /etc/bash_completion.d/host-test"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(after_help = "Example:\n  host-test man | man -l -")]
    Man,
}

impl Command {
    /// Whether it works with the component of any service.
    fn is_generic(&self) -> bool {
        matches!(
            self,
            Self::Validate(_) | Self::Streams | Self::Sync(_) | Self::Bench(_)
        )
    }
}

impl Cli {
    /// Does what was asked for.
    pub(crate) async fn run(self) -> ExitCode {
        logging::to_stderr(self.output.log_filter());
        match self.dispatch().await {
            Ok(code) => code,
            Err(error) => error.report(),
        }
    }

    async fn dispatch(self) -> CommandResult {
        if self.component.is_some() && !self.command.is_generic() {
            return Err(CommandError::usage(
                "--component works with validate, streams, sync and bench",
            ));
        }
        let context = Context {
            component: self.component.map_or_else(
                || ComponentSource::embedded(confluence_component::COMPONENT),
                ComponentSource::file,
            ),
            imports: self.wasi.imports(),
            // Whoever runs this command is the operator.
            network: self.allow_network.into_iter().fold(
                NetworkPolicy::default().allow_loopback(),
                NetworkPolicy::allow_network,
            ),
            verbosity: self.output.verbosity(),
        };
        match self.command {
            Command::Demo => interruptible(demo::run(&context)).await,
            Command::Init(arguments) => init::run(&context, arguments).await,
            Command::Validate(arguments) => validate::run(&context, &arguments).await,
            Command::Streams => interruptible(streams(&context)).await,
            Command::Sync(arguments) => sync::run(&context, &arguments).await,
            Command::Report(arguments) => report::run(&arguments),
            Command::Plan(arguments) => plan::run(&context, &arguments).await,
            Command::CloudId { site } => interruptible(cloud_id::run(&context, &site)).await,
            Command::Mock(arguments) => mock::run(arguments).await,
            Command::Bench(arguments) => bench::run(&context, arguments).await,
            Command::BenchRun => bench::run_one().await,
            Command::Artifact => artifact::run(&context).await,
            Command::Completions { shell } => completions::run(shell),
            Command::Man => completions::manual(),
        }
    }
}

/// A command that has nothing to end in good order. The others listen for signals themselves.
async fn interruptible<T>(command: impl Future<Output = CommandResult<T>>) -> CommandResult<T> {
    enforce_deadline(ForcedEnd::Failure);
    tokio::select! {
        ended = command => ended,
        _ = next_signal() => Err(anyhow::Error::msg("interrupted").into()),
    }
}

async fn streams(context: &Context) -> CommandResult {
    let runtime = context.load().await?;
    let streams: Vec<_> = runtime.streams().iter().map(json_view::stream).collect();
    print(&json!(streams))?;
    Ok(ExitCode::SUCCESS)
}
