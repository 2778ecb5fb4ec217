//! The end of a snapshot: rows that were not written since its beginning are deleted, unless they are too many.
//!
//! A permission that was taken away looks exactly like a deletion. So a close that would delete a large part of a
//! table is refused. The rest of the run is delivered and committed, and the close is remembered in the file: the next
//! run, if it allows it, makes up for it without reading anything again. A new snapshot of the stream ends that: once its
//! rows are written, those that it has not reached yet would be taken for gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::table::{SNAPSHOT, Table};
use crate::identifier::quote;

/// So many rows may always be deleted.
const ALWAYS_ALLOWED: u64 = 20;

/// The percentage of a stream's rows that one close may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxDelete(u8);

impl MaxDelete {
    /// At most 100 percent, which allows everything.
    ///
    /// # Errors
    ///
    /// More than 100.
    pub fn percent(percent: u8) -> Result<Self> {
        anyhow::ensure!(percent <= 100, "a percentage from 0 to 100");
        Ok(Self(percent))
    }

    /// The percentage.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// Whether a close may delete so many of a stream's rows.
    #[must_use]
    pub fn allows(self, rows: u64, of: u64) -> bool {
        rows <= ALWAYS_ALLOWED || u128::from(rows) * 100 <= u128::from(of) * u128::from(self.0)
    }
}

impl Default for MaxDelete {
    fn default() -> Self {
        Self(30)
    }
}

/// A close that would have deleted too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RefusedClose {
    /// Rows that would have been deleted.
    pub rows: u64,
    /// Rows that the table has.
    pub of: u64,
}

/// What the closes of a run did, by stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sweeps {
    /// Rows that were deleted.
    pub swept: BTreeMap<String, u64>,
    /// Closes that were refused.
    pub refused: BTreeMap<String, RefusedClose>,
    /// Closes that an earlier run was refused, and that this one still does not allow.
    pub remembered: BTreeMap<String, RefusedClose>,
}

/// Whose close it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// This run's: it has come to the end of the snapshot.
    Ended,
    /// An earlier run's, which was refused. The user was told then, and may have mended it at the source.
    Remembered,
}

impl Sweeps {
    /// All closes that wait for the user, this run's and earlier ones'.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<String, RefusedClose> {
        let mut waiting = self.remembered.clone();
        waiting.extend(self.refused.clone());
        waiting
    }
}

/// Closes for a person: each stream, with how many of its rows.
#[must_use]
pub fn describe(refused: &BTreeMap<String, RefusedClose>) -> String {
    let named = refused
        .iter()
        .map(|(stream, close)| format!("{stream} ({} of {} rows)", close.rows, close.of));
    named.collect::<Vec<_>>().join(", ")
}

/// The sweeps of a run, readable while the destination belongs to the run.
#[derive(Debug, Clone, Default)]
pub struct SweepReport(Arc<Mutex<Sweeps>>);

impl SweepReport {
    /// The sweeps so far.
    #[must_use]
    pub fn get(&self) -> Sweeps {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes rows that a close deleted.
    pub fn add_swept(&self, stream: &str, rows: u64) {
        self.update(|sweeps| {
            sweeps.refused.remove(stream);
            sweeps.remembered.remove(stream);
            *sweeps.swept.entry(stream.to_owned()).or_default() += rows;
        });
    }

    /// Notes a close that was refused.
    pub fn add_refused(&self, stream: &str, refused: RefusedClose, closing: Closing) {
        self.update(|sweeps| {
            sweeps.remembered.remove(stream);
            let noted = match closing {
                Closing::Ended => &mut sweeps.refused,
                Closing::Remembered => &mut sweeps.remembered,
            };
            noted.insert(stream.to_owned(), refused);
        });
    }

    fn update(&self, change: impl FnOnce(&mut Sweeps)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Deletes the rows of earlier snapshots than this one, or remembers that it was refused.
pub(super) fn close(
    database: &Connection,
    table: &Table,
    snapshot: i64,
    closing: Closing,
    max_delete: MaxDelete,
    report: &SweepReport,
) -> Result<()> {
    let name = &table.name;
    let (rows, of) = count(database, name, snapshot)?;
    if max_delete.allows(rows, of) {
        let sql = format!("DELETE FROM {} WHERE {} < ?1", quote(name), quote(SNAPSHOT));
        database.execute(&sql, [snapshot])?;
        remember(database, name, None)?;
        report.add_swept(name, rows);
    } else {
        remember(database, name, Some(snapshot))?;
        report.add_refused(name, RefusedClose { rows, of }, closing);
    }
    Ok(())
}

/// The rows of earlier snapshots, and all rows.
fn count(database: &Connection, table: &str, snapshot: i64) -> Result<(u64, u64)> {
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {} < ?1), count(*) FROM {}",
        quote(SNAPSHOT),
        quote(table)
    );
    let count = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (rows, of): (i64, i64) = database.query_row(&sql, [snapshot], count)?;
    Ok((u64::try_from(rows)?, u64::try_from(of)?))
}

fn remember(database: &Connection, table: &str, refused: Option<i64>) -> Result<()> {
    let sql = "UPDATE _streams SET refused_close = ?2 WHERE name = ?1";
    database.execute(sql, params![table, refused])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_refused_above_the_percentage_and_twenty_rows() {
        for (percent, rows, of, allowed) in [
            (30, 30, 100, true),
            (30, 31, 100, false),
            (30, 20, 20, true),
            (30, 21, 21, false),
            (0, 20, 1_000, true),
            (0, 21, 1_000, false),
            (100, 1_000, 1_000, true),
        ] {
            let allows = MaxDelete(percent).allows(rows, of);
            assert_eq!(allows, allowed, "{rows} of {of} at {percent} %");
        }
    }
}
