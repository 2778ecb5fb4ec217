//! The command line: what can be asked for, and with which words.

mod artifact;
mod bench;
mod cloud_id;
mod demo;
mod mock;
mod plan;
mod report;
mod sync;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use connector_destinations::stdout::print;
use connector_runtime::connection::Connection;
use connector_runtime::engine::{ComponentSource, Runtime};
use connector_runtime::json_view;

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

/// Wrong words or files: the caller has to call differently.
const USAGE: u8 = 2;

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> ExitCode {
        let component = self.component.map_or(
            ComponentSource::Bytes(confluence_component::COMPONENT),
            ComponentSource::File,
        );
        let done = match self.command {
            Command::Demo => demo::run(&component).await,
            Command::Mock(arguments) => mock::run(arguments).await,
            Command::Validate(arguments) => validate::run(&component, &arguments).await,
            Command::CloudId { site } => cloud_id::run(&site).await,
            Command::Bench(arguments) => bench::run(arguments).await,
            Command::BenchRun(arguments) => bench::run_one(arguments).await,
            Command::Streams => streams(&component).await,
            Command::Sync(arguments) => sync::run(&component, arguments).await,
            Command::Plan(arguments) => plan::run(&component, &arguments).await,
            Command::Artifact => artifact::run(&component).await,
            Command::Report(arguments) => report::run(&arguments),
        };
        done.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            ExitCode::from(USAGE)
        })
    }
}

async fn streams(component: &ComponentSource) -> Result<ExitCode> {
    print(&stream_list(component).await?)?;
    Ok(ExitCode::SUCCESS)
}

async fn stream_list(component: &ComponentSource) -> Result<Value> {
    let streams = Runtime::new(component)?.list_streams().await?;
    let streams: Result<Vec<Value>> = streams.iter().map(json_view::stream).collect();
    Ok(json!(streams?))
}
