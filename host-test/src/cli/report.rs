//! `host-test report`: a page about what a sync has read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use connector_destinations::stdout::print;
use connector_destinations::{ownership, private_file, sqlite};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::error::{CommandError, CommandResult};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file that sync has filled.
    #[arg(value_name = "sqlite:FILE", value_parser = sqlite_file)]
    from: PathBuf,
    /// The page; a file that exists is replaced.
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
    /// The last day that the report covers, such as 2026-07-13; today, by UTC, where this is left out.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
}

fn sqlite_file(text: &str) -> Result<PathBuf, String> {
    match text.split_once(':') {
        Some(("sqlite", file)) if !file.is_empty() => Ok(file.into()),
        _ => Err("it is sqlite:FILE".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments) -> CommandResult {
    std::fs::File::open(&arguments.from)
        .with_context(|| format!("{} cannot be read", arguments.from.display()))
        .map_err(CommandError::Usage)?;
    check(arguments).map_err(CommandError::Usage)?;
    let as_of = arguments.as_of.unwrap_or_else(today);
    write(&arguments.from, &arguments.html, as_of)?;
    print(&json!({ "html": arguments.html, "as_of": as_of.to_string() }))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses a page in the place of the database, and files of somebody else beside it, which SQLite would take for a part
/// of it.
fn check(arguments: &Arguments) -> Result<()> {
    let Arguments { from, html, .. } = arguments;
    let database = from.canonicalize()?;
    ensure!(
        html.canonicalize().ok() != Some(database),
        "{} is the database; name another file for the page",
        html.display()
    );
    ownership::warn_of_shared_folder(from);
    sqlite::check_beside(from)
}

/// Writes the report about one file into another.
pub(super) fn write(sqlite: &Path, html: &Path, as_of: Date) -> Result<()> {
    let page = documentation_report::html(sqlite, as_of)?;
    private_file::replace(html, page.as_bytes())
}

/// The timestamps of the data are in UTC, and so is this day.
pub(super) fn today() -> Date {
    Timestamp::now().to_zoned_datetime(TimeZone::UTC).date()
}
