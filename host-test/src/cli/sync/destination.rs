//! Where the rows of a run go, and where its state comes from.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use connector_destinations::json_lines::{self, JsonLines};
use connector_destinations::json_lines_directory::{self, FolderLock, JsonLinesDirectory};
use connector_destinations::lost_table::LostTable;
use connector_destinations::sqlite::{MaxDelete, Sqlite, SqliteOptions, SweepReport};
use connector_destinations::state_file::{self, StateFile};
use connector_destinations::stdout::StandardOutput;
use connector_postgres::{Address, Postgres, PostgresOptions, is_unavailable};
use connector_runtime::contract::{FailureKind, Selection};
use connector_runtime::destination::Destination;
use connector_runtime::failure::Failure;
use connector_runtime::runtime::Runtime;

use crate::cli::confluence_views;

/// What `--to` names.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Target {
    JsonLines,
    Directory(PathBuf),
    Sqlite(PathBuf),
    Postgres(Box<Address>),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "jsonl" => Ok(Self::JsonLines),
            Some(("jsonl", folder)) if !folder.is_empty() => Ok(Self::Directory(folder.into())),
            Some(("sqlite", file)) if !file.is_empty() => Ok(Self::Sqlite(file.into())),
            Some(("postgres" | "postgresql", url)) => postgres(text, url),
            _ => Err("it is jsonl, jsonl:DIR, sqlite:FILE or postgres:URL".to_owned()),
        }
    }
}

/// `postgres:` and the address of a database, which has a scheme of its own or is that address itself.
fn postgres(text: &str, url: &str) -> Result<Target, String> {
    let url = if url.starts_with("//") { text } else { url };
    let address = Address::parse(url).map_err(|error| format!("{error:#}"))?;
    Ok(Target::Postgres(Box::new(address)))
}

impl Target {
    /// Says that a run ended well and closed no snapshot of these streams.
    pub(super) fn finish(&self, unclosed: &[String]) -> Result<()> {
        match self {
            Self::JsonLines => {
                let mut out = StandardOutput::open()?;
                json_lines::write_finished(&mut out, unclosed)
            }
            Self::Directory(folder) => json_lines_directory::append_finished(folder, unclosed),
            Self::Sqlite(_) | Self::Postgres(_) => Ok(()),
        }
    }
}

/// A destination that is ready, with the state to begin with.
pub(super) struct Opened {
    pub(super) destination: Box<dyn Destination>,
    pub(super) state: Option<String>,
    pub(super) sweeps: SweepReport,
    /// Interrupts what the destination is doing.
    pub(super) stop: Arc<AtomicBool>,
    /// Keeps other runs out of the folder until the last line of this one is in it.
    pub(super) folder: Option<FolderLock>,
}

/// How the tables of a database are written.
pub(super) struct Tables {
    pub(super) max_delete: MaxDelete,
    /// A schema in PostgreSQL; named like the connector where it is left out.
    pub(super) schema: Option<String>,
}

/// Opens the destination. A state file that is named is the one that counts.
pub(super) fn open(
    target: &Target,
    state_file: Option<&Path>,
    runtime: &Runtime,
    selection: &[Selection],
    tables: &Tables,
) -> Result<Opened, Failure> {
    let max_delete = tables.max_delete;
    let given = match state_file {
        Some(file) => {
            state_file::read(file).map_err(Failure::from_error(FailureKind::InvalidState))?
        }
        None => None,
    };
    let read = given.clone();
    let mut opened = match target {
        Target::JsonLines => open_json_lines(given),
        Target::Directory(folder) => open_directory(folder, runtime, selection, given, state_file),
        Target::Sqlite(file) => open_sqlite(file, runtime, max_delete, given, state_file),
        Target::Postgres(address) => open_postgres(address, runtime, tables, given, state_file),
    }
    .map_err(unusable)?;
    if let Some(file) = state_file {
        let kept = StateFile::new(opened.destination, file.to_owned(), read)
            .map_err(Failure::from_error(FailureKind::InvalidState))?;
        opened.destination = Box::new(kept);
    }
    Ok(opened)
}

fn open_json_lines(state: Option<String>) -> Result<Opened> {
    Ok(Opened {
        destination: Box::new(JsonLines::new(StandardOutput::open()?)),
        state,
        sweeps: SweepReport::default(),
        stop: Arc::default(),
        folder: None,
    })
}

fn open_directory(
    folder: &Path,
    runtime: &Runtime,
    selection: &[Selection],
    given: Option<String>,
    state_file: Option<&Path>,
) -> Result<Opened> {
    let streams = runtime.streams().iter();
    let selected = streams.filter(|stream| {
        let mut selection = selection.iter();
        selection.any(|selected| selected.stream == stream.name)
    });
    let directory = JsonLinesDirectory::open(folder, &selected.collect::<Vec<_>>())?;
    let state = match state_file {
        Some(_) => given,
        None => directory.state(),
    };
    Ok(Opened {
        folder: Some(directory.lock()),
        destination: Box::new(directory),
        state,
        sweeps: SweepReport::default(),
        stop: Arc::default(),
    })
}

fn open_sqlite(
    file: &Path,
    runtime: &Runtime,
    max_delete: MaxDelete,
    given: Option<String>,
    state_file: Option<&Path>,
) -> Result<Opened> {
    let options = SqliteOptions {
        max_delete,
        views: confluence_views::of(runtime, None),
        ..SqliteOptions::default()
    };
    let stop = Arc::clone(&options.stop);
    let connector = &runtime.description().name;
    let mut sqlite = Sqlite::open(file, connector, runtime.streams(), options)?;
    let state = match (given, state_file) {
        (Some(given), _) => Some(sqlite.reconcile(given)?),
        (None, Some(_)) => None,
        (None, None) => sqlite.state()?,
    };
    Ok(Opened {
        sweeps: sqlite.report(),
        destination: Box::new(sqlite),
        state,
        stop,
        folder: None,
    })
}

fn open_postgres(
    address: &Address,
    runtime: &Runtime,
    tables: &Tables,
    given: Option<String>,
    state_file: Option<&Path>,
) -> Result<Opened> {
    let connector = &runtime.description().name;
    let schema = tables.schema.clone();
    let schema = schema.unwrap_or_else(|| connector.replace('-', "_"));
    let options = PostgresOptions {
        max_delete: tables.max_delete,
        views: confluence_views::of(runtime, Some(&schema)),
        ..PostgresOptions::new(schema)
    };
    let mut postgres = Postgres::open(address, connector, runtime.streams(), options)?;
    let state = match (given, state_file) {
        (Some(given), _) => Some(postgres.reconcile(given)?),
        (None, Some(_)) => None,
        (None, None) => postgres.state()?,
    };
    Ok(Opened {
        sweeps: postgres.report(),
        destination: Box::new(postgres),
        state,
        stop: Arc::default(),
        folder: None,
    })
}

/// A destination that cannot be used; one that may be used later is no fault of the configuration.
pub(super) fn unusable(error: anyhow::Error) -> Failure {
    let kind = if is_unavailable(&error) {
        FailureKind::Unavailable
    } else if error.is::<LostTable>() {
        FailureKind::InvalidState
    } else {
        FailureKind::InvalidConfig
    };
    Failure::from_error(kind)(error)
}
