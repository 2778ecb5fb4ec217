//! `host-test sync`: reads streams into JSON lines or SQLite, with a state that survives.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{ConfigArguments, print, json_view};
use connector_runtime::engine::{Failure, FailureKind, Mode, ComponentSource, Runtime, Selection, StreamInfo, Usage};
use connector_runtime::limits::Limits;
use connector_runtime::output::Output;
use connector_destinations::jsonl::Jsonl;
use connector_destinations::sqlite::Sqlite;
use connector_destinations::progress::{Count, Watched};
use connector_runtime::run;
use connector_destinations::state_file::{self, StateFile};

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
    /// Where the state is kept; read if it is there, replaced at each checkpoint.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where rows go: jsonl, or sqlite:FILE, which keeps the state too.
    #[arg(long, default_value = "jsonl", value_name = "jsonl|sqlite:FILE")]
    to: Destination,
    /// Rows per second that the sink takes at most.
    #[arg(long, value_name = "N")]
    rows_per_second: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Full,
    Incremental,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Jsonl,
    Sqlite(PathBuf),
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "jsonl" => Ok(Self::Jsonl),
            Some(("sqlite", file)) if !file.is_empty() => Ok(Self::Sqlite(file.into())),
            _ => Err("it is jsonl or sqlite:FILE".to_owned()),
        }
    }
}

pub(super) async fn run(component: &ComponentSource, arguments: Arguments) -> Result<ExitCode> {
    let connection = arguments.config.connection()?;
    let runtime = Runtime::new(component)?;
    let streams = runtime.list_streams().await?;
    let selection = select(&streams, &arguments)?;
    let limits = Limits {
        rows_per_second: arguments.rows_per_second,
        ..Limits::default()
    };
    let (mut count, begun) = (Arc::default(), Instant::now());
    let ended = match open(&arguments, &streams) {
        Ok((output, state)) => {
            let watched = Watched::new(output);
            count = watched.count();
            let state = state.as_deref();
            run::run(&runtime, &connection, limits, &selection, state, watched).await
        }
        Err(failure) => Err(failure),
    };
    let (line, code) = conclude(&ended, &count, begun);
    if let Err(error) = print(&line) {
        eprintln!("error: {error:#}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(code)
}

/// The streams asked for, or all of them.
fn select(streams: &[StreamInfo], arguments: &Arguments) -> Result<Vec<Selection>> {
    let mode = match arguments.mode {
        ModeName::Full => Mode::Full,
        ModeName::Incremental => Mode::Incremental,
    };
    let mut names = arguments.streams.clone();
    if names.is_empty() {
        names.extend(streams.iter().map(|stream| stream.name.clone()));
    }
    let wishes: Vec<_> = names.into_iter().map(|name| (name, mode)).collect();
    run::select(streams, &wishes)
}

/// The output, and the state to begin with. A state file that was asked for is the one that counts.
fn open(
    arguments: &Arguments,
    streams: &[StreamInfo],
) -> Result<(Box<dyn Output>, Option<String>), Failure> {
    let given = match &arguments.state {
        Some(file) => state_file::read(file).map_err(run::failure(FailureKind::InvalidState))?,
        None => None,
    };
    let (output, state): (Box<dyn Output>, _) = match &arguments.to {
        Destination::Jsonl => (Box::new(Jsonl::new(std::io::stdout())), given),
        Destination::Sqlite(file) => {
            let keeps_state = arguments.state.is_none();
            let (sqlite, state) = open_sqlite(file, streams, keeps_state, given)
                .map_err(run::failure(FailureKind::InvalidConfig))?;
            (Box::new(sqlite), state)
        }
    };
    Ok(match &arguments.state {
        Some(file) => (Box::new(StateFile::new(output, file.clone())), state),
        None => (output, state),
    })
}

fn open_sqlite(
    file: &Path,
    streams: &[StreamInfo],
    keeps_state: bool,
    given: Option<String>,
) -> Result<(Sqlite, Option<String>)> {
    let mut sqlite = Sqlite::open(file, streams)?;
    let state = match given {
        Some(given) => Some(sqlite.reconcile(given)?),
        None if keeps_state => sqlite.state()?,
        None => None,
    };
    Ok((sqlite, state))
}

/// The last line, and the exit status.
fn conclude(
    ended: &Result<Usage, Failure>,
    count: &Mutex<Count>,
    begun: Instant,
) -> (Value, ExitCode) {
    let count = count.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut line = json!(count);
    let (more, code) = match ended {
        Ok(usage) => {
            let summary = json!({
                "type": "summary",
                "requests": usage.requests,
                "seconds": begun.elapsed().as_secs_f64(),
                "memory_bytes": usage.memory,
            });
            (summary, ExitCode::SUCCESS)
        }
        Err(failure) => (json_view::failure(failure), ExitCode::FAILURE),
    };
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.insert("type".to_owned(), json!("error"));
        line.extend(more);
    }
    (line, code)
}
