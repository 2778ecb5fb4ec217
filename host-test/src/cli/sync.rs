//! `host-test sync`: reads streams into JSON lines or SQLite, with a state that survives.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{ConfigArguments, print, records};
use crate::engine::{FailureKind, Mode, Options, Outcome, Runtime, Selection, StreamInfo};
use crate::limits::Limits;
use crate::output::jsonl::Jsonl;
use crate::output::sqlite::Sqlite;
use crate::output::{Batch, Note, Output};
use crate::progress::{Count, Watched};
use crate::state_file::{self, StateFile};

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

pub(super) async fn run(options: &Options, arguments: Arguments) -> Result<ExitCode> {
    let connection = arguments.config.connection()?;
    let runtime = Runtime::new(options)?;
    let streams = runtime.list_streams().await?;
    let selection = select(&streams, &arguments.streams, arguments.mode)?;
    let (output, state) = open(&arguments, &streams)?;
    let watched = Watched::new(output, stop_when_interrupted());
    let count = watched.count();
    let begun = Instant::now();
    let limits = Limits {
        rows_per_second: arguments.rows_per_second,
        ..Limits::default()
    };
    let outcome = runtime
        .sync(
            &connection,
            limits,
            &selection,
            state.as_deref(),
            Box::new(watched),
        )
        .await;
    let (line, code) = conclude(&outcome, &count, begun);
    print(&line)?;
    Ok(code)
}

/// The streams asked for, each in the mode asked for where it has it.
fn select(streams: &[StreamInfo], names: &[String], mode: ModeName) -> Result<Vec<Selection>> {
    let known: Vec<_> = streams.iter().map(|stream| stream.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!(
            "there is no stream {name:?}; there are {}",
            known.join(", ")
        );
    }
    let wanted = streams
        .iter()
        .filter(|stream| names.is_empty() || names.contains(&stream.name));
    let selection = wanted.map(|stream| Selection {
        stream: stream.name.clone(),
        mode: match mode {
            ModeName::Incremental if stream.modes.contains(&Mode::Incremental) => Mode::Incremental,
            _ => Mode::Full,
        },
    });
    Ok(selection.collect())
}

/// The output, and the state to begin with. A state file that was asked for is the one that counts.
fn open(
    arguments: &Arguments,
    streams: &[StreamInfo],
) -> Result<(Box<dyn Output>, Option<String>)> {
    let mut state = match &arguments.state {
        Some(file) => state_file::read(file)?,
        None => None,
    };
    let output: Box<dyn Output> = match &arguments.to {
        Destination::Jsonl => Box::new(Jsonl::new(std::io::stdout())),
        Destination::Sqlite(file) => {
            let mut sqlite = Sqlite::open(file, streams)?;
            if arguments.state.is_none() {
                state = sqlite.state()?;
            }
            if state.is_none() {
                sqlite.begin_afresh()?;
            }
            Box::new(sqlite)
        }
    };
    Ok(match &arguments.state {
        Some(file) => (Box::new(StateFile::new(output, file.clone())), state),
        None => (output, state),
    })
}

fn stop_when_interrupted() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stopping.store(true, Ordering::Relaxed);
        // Who asks again doesn't want to wait for the next event.
        let _ = tokio::signal::ctrl_c().await;
        std::process::exit(1);
    });
    stop
}

/// The last line, and the exit status.
fn conclude(outcome: &Result<Outcome>, count: &Mutex<Count>, begun: Instant) -> (Value, ExitCode) {
    let count = count.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut line = json!(count);
    let (more, code) = match outcome {
        Ok(Outcome {
            result: Ok(()),
            usage,
            ..
        }) => {
            let summary = json!({
                "type": "summary",
                "requests": usage.requests,
                "seconds": begun.elapsed().as_secs_f64(),
                "memory_bytes": usage.memory,
            });
            (summary, ExitCode::SUCCESS)
        }
        Ok(Outcome {
            result: Err(failure),
            refusal,
            ..
        }) => {
            let mut failure = failure.clone();
            // The output knows better than the component why it refused.
            if let Some(words) = refusal
                .as_ref()
                .filter(|_| failure.kind == FailureKind::Cancelled)
            {
                failure.message = format!("{words:#}");
            }
            (records::failure(&failure), ExitCode::FAILURE)
        }
        Err(error) => (
            records::host_failure(&format!("{error:#}")),
            ExitCode::FAILURE,
        ),
    };
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.insert("type".to_owned(), json!("error"));
        line.extend(more);
    }
    (line, code)
}

impl Output for Box<dyn Output> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        (**self).emit(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        (**self).checkpoint(state)
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        (**self).finished(stream, snapshot)
    }

    fn note(&mut self, note: &Note) {
        (**self).note(note);
    }
}
