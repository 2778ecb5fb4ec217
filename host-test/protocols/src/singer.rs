//! The command `tap-confluence-cloud`: the connector as a Singer tap.
//!
//! Messages go to standard output, for any target; logs and metrics to standard error.

mod catalog;
mod output;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Deserializer, Value};

use self::catalog::Wish;
use self::output::Singer;
use connector_destinations::stdout::print;
use connector_runtime::engine::{Failure, FailureKind, ComponentSource, Runtime};
use connector_runtime::limits::Limits;
use connector_destinations::seldom::{PAUSE, Seldom};
use connector_runtime::run::{self, failure};
use crate::{settings, state_file};

/// Reads Confluence Cloud as a Singer tap.
#[derive(Debug, Parser)]
#[command(name = "tap-confluence-cloud", version)]
pub struct Cli {
    /// The configuration, a JSON file; not looked at to list the streams.
    #[arg(long, short, value_name = "FILE", required_unless_present = "discover")]
    config: Option<PathBuf>,
    /// The streams to read and how, a JSON file; everything where it is left out.
    #[arg(long, alias = "properties", short = 'p', value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// The state to go on from, a JSON file; none if it isn't there.
    #[arg(long, short, value_name = "FILE")]
    state: Option<PathBuf>,
    /// List the streams, as a catalog to choose from.
    #[arg(long, short)]
    discover: bool,
}

/// What the value of a STATE message holds, alone or in its message.
#[derive(Deserialize)]
#[serde(untagged)]
enum State {
    Enveloped { value: Box<State> },
    Ours { state: String },
    Empty(Empty),
}

/// What some callers bring for no state at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self, component: &ComponentSource) -> ExitCode {
        let done = match &self.config {
            Some(config) if !self.discover => self.sync(component, config).await,
            _ => discover(component).await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                let kind = connector_runtime::json_view::kind(failure.kind);
                eprintln!("CRITICAL {kind}: {}", failure.message);
                ExitCode::FAILURE
            }
        }
    }

    async fn sync(&self, component: &ComponentSource, config: &Path) -> Result<(), Failure> {
        let begun = Instant::now();
        let connection = settings::connect(config)?;
        let state =
            read_state(self.state.as_deref()).map_err(failure(FailureKind::InvalidState))?;
        let runtime = Runtime::new(component).map_err(internal)?;
        let streams = runtime.list_streams().await.map_err(internal)?;
        let wishes = match &self.catalog {
            Some(file) => catalog::read(file),
            None => Ok(catalog::everything(&streams)),
        };
        let wishes = wishes.map_err(failure(FailureKind::InvalidConfig))?;
        let selection =
            run::select(&streams, &modes(&wishes)).map_err(failure(FailureKind::InvalidConfig))?;
        let mut output = Singer::new(std::io::stdout(), wishes, Timestamp::now);
        output.begin(&streams).map_err(internal)?;
        let ended = run::run(
            &runtime,
            &connection,
            Limits::default(),
            &selection,
            state.as_deref(),
            Seldom::new(output, PAUSE),
        )
        .await;
        let timer = output::timer(begun.elapsed().as_secs_f64(), ended.is_ok());
        eprintln!("INFO METRIC: {timer}");
        ended.map(|_| ())
    }
}

fn modes(wishes: &[Wish]) -> Vec<(String, connector_runtime::engine::Mode)> {
    let mode = |wish: &Wish| (wish.stream.clone(), wish.mode);
    wishes.iter().map(mode).collect()
}

async fn discover(component: &ComponentSource) -> Result<(), Failure> {
    let runtime = Runtime::new(component).map_err(internal)?;
    let streams = runtime.list_streams().await.map_err(internal)?;
    let catalog = catalog::discovered(&streams).map_err(internal)?;
    print(&catalog).map_err(internal)
}

fn read_state(file: Option<&Path>) -> Result<Option<String>> {
    let text = file.map(state_file::read).transpose()?.flatten();
    parse_state(&text.unwrap_or_default())
}

/// The last of the states in a text, as targets write one after the other.
fn parse_state(text: &str) -> Result<Option<String>> {
    let mut last = None;
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        let state: State = value
            .and_then(serde_json::from_value)
            .ok()
            .context("the state isn't one of this tap; start afresh without it")?;
        last = state.ours();
    }
    Ok(last)
}

impl State {
    fn ours(self) -> Option<String> {
        match self {
            Self::Enveloped { value } => value.ours(),
            Self::Ours { state } => Some(state),
            Self::Empty(Empty {}) => None,
        }
    }
}

fn internal(error: anyhow::Error) -> Failure {
    failure(FailureKind::Other)(error)
}
