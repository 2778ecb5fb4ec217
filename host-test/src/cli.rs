//! The command line: what can be asked for, and with which words.

mod artifact;
mod bench;
mod cloud_id;
mod demo;
mod mock;
mod plan;
mod records;
mod report;
mod sync;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

pub(crate) use self::records::kind;
use crate::connection::Connection;
use crate::engine::{Options, Runtime};

/// Runs the Confluence connector in a wasmtime host, against Confluence Cloud or a mock of it.
#[derive(Debug, Parser)]
#[command(name = "host-test", version)]
pub struct Cli {
    /// Load this component in place of the one built in.
    #[arg(long, global = true, value_name = "FILE")]
    component: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it all: a mock site, validated, listed and read into SQLite.
    Demo,
    /// Run the mock alone until interrupted; prints one line of JSON, a config ready for --config.
    Mock(mock::Arguments),
    /// Ask every endpoint once and say what the credentials are good for.
    Validate(ConfigArguments),
    /// Find out a site's cloud id and print the base_url for a scoped token.
    CloudId {
        /// The site, such as example.atlassian.net.
        site: String,
    },
    /// Measure what the sandbox costs, against a native client and with many tenants.
    Bench(bench::Arguments),
    #[command(hide = true)]
    BenchRun(bench::RunArguments),
    /// List the streams.
    Streams,
    /// Read streams into JSON lines or SQLite.
    Sync(sync::Arguments),
    /// Split a site over several runs: writes configs that read about as many pages each.
    Plan(plan::Arguments),
    /// Write the component and what belongs to it into dist/, in the workspace that it was built from.
    Artifact,
    /// Make a page about what a sync has read into SQLite.
    Report(report::Arguments),
}

#[derive(Debug, Args)]
struct ConfigArguments {
    /// The configuration, a JSON file; - for standard input.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Let the host sign the requests, so that the component never sees the token.
    #[arg(long)]
    sign_in_host: bool,
}

impl ConfigArguments {
    fn connection(&self) -> Result<Connection> {
        Ok(self.connect(&read_config(&self.config)?))
    }

    fn connect(&self, config: &str) -> Connection {
        if self.sign_in_host {
            Connection::signing(config)
        } else {
            Connection::new(config)
        }
    }
}

fn read_config(file: &Path) -> Result<String> {
    let config = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    config.with_context(|| format!("the configuration {} can't be read", file.display()))
}

/// Sends what the host's libraries log to standard error: warnings, or what RUST_LOG asks for.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// Wrong words or files: the caller has to call differently.
const USAGE: u8 = 2;

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> ExitCode {
        let options = Options {
            component: self.component,
            precompiled: None,
        };
        let done = match self.command {
            Command::Demo => demo::run(&options).await,
            Command::Mock(arguments) => mock::run(arguments).await,
            Command::Validate(arguments) => validate::run(&options, &arguments).await,
            Command::CloudId { site } => cloud_id::run(&site).await,
            Command::Bench(arguments) => bench::run(arguments).await,
            Command::BenchRun(arguments) => bench::run_one(arguments).await,
            Command::Streams => streams(&options).await,
            Command::Sync(arguments) => sync::run(&options, arguments).await,
            Command::Plan(arguments) => plan::run(&options, &arguments).await,
            Command::Artifact => artifact::run(&options).await,
            Command::Report(arguments) => report::run(&arguments),
        };
        done.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            ExitCode::from(USAGE)
        })
    }
}

async fn streams(options: &Options) -> Result<ExitCode> {
    print(&stream_list(options).await?)?;
    Ok(ExitCode::SUCCESS)
}

async fn stream_list(options: &Options) -> Result<Value> {
    let streams = Runtime::new(options)?.list_streams().await?;
    let streams: Result<Vec<Value>> = streams.iter().map(records::stream).collect();
    Ok(json!(streams?))
}

/// A value on standard output, on one line; an error where nobody reads it.
pub(crate) fn print(value: &Value) -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")
        .and_then(|()| out.flush())
        .context("standard output can't be written")
}
