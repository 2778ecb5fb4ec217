//! A page about a site's documentation: what is new and updated, who writes it, what is read and what is read
//! though nobody cares for it.
//!
//! It is one file of HTML without scripts, so that it can be mailed, kept and opened anywhere, made by plain SQL
//! over the `confluence_…` tables, so that a warehouse that holds them can be asked the same.

mod activity;
mod calendar;
mod chart;
mod documents;
mod facts;
mod page;
mod palette;
mod parts;
mod people;
mod questions;
mod spaces;
mod timeline;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::civil::Date;
use rusqlite::{Connection, OpenFlags};

/// The tables that the SQL reads.
const TABLES: [&str; 4] = [
    "confluence_pages",
    "confluence_page_versions",
    "confluence_spaces",
    "confluence_users",
];

/// The report of a SQLite file that a sync has filled, as HTML. It knows of nothing later than the day `as_of`.
///
/// # Errors
///
/// The file can't be read, or no sync made it.
pub fn html(sqlite: &Path, as_of: Date) -> Result<String> {
    let mut database =
        open(sqlite).with_context(|| format!("{} can't be opened", sqlite.display()))?;
    let asked = check(&database).and_then(|()| questions::ask(&mut database, as_of));
    let facts = asked.with_context(|| format!("{} can't be reported on", sqlite.display()))?;
    Ok(page::page(&facts)?.into_string())
}

/// Opens the file, and makes none where there was none.
///
/// It is only read. SQLite may write what it likes beside it, though: a file opened to be read only leaves the
/// files of its log behind.
fn open(sqlite: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(sqlite, flags)?;
    database.busy_timeout(Duration::from_secs(30))?;
    database.pragma_update(None, "query_only", true)?;
    Ok(database)
}

/// Says what is amiss with a database of another making.
fn check(database: &Connection) -> Result<()> {
    for table in TABLES {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1";
        let there: u32 = database.query_row(sql, [table], |row| row.get(0))?;
        if there == 0 {
            bail!("it has no {table}; `host-test sync --to sqlite:FILE` makes one");
        }
    }
    Ok(())
}
