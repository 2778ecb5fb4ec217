//! A page about a site's documentation: what is new and updated, who writes and owns it, what is read, and what
//! needs attention.
//!
//! The report is one HTML file without scripts, so that it can be mailed, kept and opened anywhere. Plain SQL over
//! the `confluence_…` tables makes it, so that a warehouse that holds them can answer the same questions.

mod accounts;
mod activity;
mod calendar;
mod chart;
mod components;
mod database;
mod documents;
mod format;
mod maintenance;
mod model;
mod ownership;
mod page;
mod palette;
mod people;
mod queries;
mod spaces;
mod timeline;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust_tests;

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use tempfile::NamedTempFile;

/// Renders the report of a SQLite file that a sync has filled, as HTML. Data from after the day `as_of` is left out.
///
/// # Errors
///
/// The file cannot be read, no sync made it, or a query takes longer than a minute.
pub fn html(sqlite: &Path, as_of: Date) -> Result<String> {
    let report = database::open(sqlite)
        .and_then(|database| queries::run(&database, as_of))
        .with_context(|| format!("cannot report on {}", sqlite.display()))?;
    Ok(page::page(&report)?.into_string())
}

/// Writes the report to `target`, and replaces what is there.
///
/// The page names people, so the file is private. It is written beside `target` and renamed, so that neither a
/// link nor a reader ever sees half a page.
///
/// # Errors
///
/// As [`html`], or the folder cannot be written.
pub fn write(sqlite: &Path, target: &Path, as_of: Date) -> Result<()> {
    let page = html(sqlite, as_of)?;
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let written = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .and_then(|mut file| file.write_all(page.as_bytes()).map(|()| file))
        .and_then(|file| file.persist(target).map_err(|error| error.error));
    written.with_context(|| format!("cannot write {}", target.display()))?;
    Ok(())
}
