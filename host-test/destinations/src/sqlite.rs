//! Rows and state in one SQLite file, in one transaction per checkpoint: a crash at any instant loses and repeats
//! nothing.
//!
//! Each stream has a table of its own name. Every row carries the number of the snapshot that it was last written in,
//! so that the close of a snapshot deletes what no longer exists at the source, however many runs it took. That number is
//! only right while one run writes: of two runs at once, the one that writes second is refused.

mod catalog;
mod checkpoint;
mod guard;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust_tests;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_runtime::stream::Stream;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use self::guard::Watchdog;
pub use self::sweep::{Closing, MaxDelete, RefusedClose, SweepReport, Sweeps, describe};
use self::table::Table;
use crate::{ownership, private_file, stderr};

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(30);

/// How a file is written.
#[derive(Debug, Clone, Default)]
pub struct SqliteOptions {
    /// How much the close of a snapshot may delete.
    pub max_delete: MaxDelete,
    /// Interrupts the statement under way once it is true.
    pub stop: Arc<AtomicBool>,
    /// Views to make, by name and statement; those of the same name are replaced.
    pub views: Vec<(String, String)>,
}

/// A SQLite file that takes rows of one connector.
#[derive(Debug)]
pub struct Sqlite {
    database: Connection,
    connector: String,
    tables: BTreeMap<String, Table>,
    max_delete: MaxDelete,
    watchdog: Watchdog,
    report: SweepReport,
    transaction: Transaction,
    /// How often the state was stored, as far as this run knows.
    version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    /// None was begun by this run.
    First,
    Open,
    Committed,
}

/// A path that SQLite takes for the name of a file, whatever it looks like: `:memory:` and `file:` are no names to it.
#[must_use]
pub fn literal(file: &Path) -> PathBuf {
    Path::new(".").join(file)
}

/// Refuses files that SQLite would take for a part of the database, from somebody else.
///
/// # Errors
///
/// There is such a file beside it.
pub fn check_beside(file: &Path) -> Result<()> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = file.as_os_str().to_owned();
        beside.push(suffix);
        ownership::check_belongs_to(Path::new(&beside), file)?;
    }
    Ok(())
}

impl Sqlite {
    /// Opens or makes the file, with tables for the streams of this connector.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or a table in it belongs to somebody else; nothing was changed then.
    pub fn open(
        file: &Path,
        connector: &str,
        streams: &[Stream],
        options: SqliteOptions,
    ) -> Result<Self> {
        let cannot = || format!("{} cannot be used", file.display());
        ownership::warn_of_shared_folder(file);
        private_file::create_if_missing(file)?;
        check_beside(file)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut database =
            Connection::open_with_flags(literal(file), flags).with_context(cannot)?;
        database.busy_timeout(BUSY)?;
        let watchdog = Watchdog::new(options.stop);
        guard::restrict(&mut database, &watchdog)?;
        let prepared = prepare(&mut database, connector, streams, &options.views);
        let (tables, version) = prepared.with_context(cannot)?;
        Ok(Self {
            database,
            connector: connector.to_owned(),
            tables,
            version,
            max_delete: options.max_delete,
            watchdog,
            report: SweepReport::default(),
            transaction: Transaction::First,
        })
    }

    /// What closes of snapshots do, also while the run has the destination.
    #[must_use]
    pub fn report(&self) -> SweepReport {
        self.report.clone()
    }

    /// The state of the last checkpoint.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn state(&self) -> Result<Option<String>> {
        Ok(self.states()?.map(|(state, _)| state))
    }

    /// The state of the last checkpoint, and the one before it.
    fn states(&self) -> Result<Option<(String, Option<String>)>> {
        let sql = "SELECT state, previous FROM _state WHERE connector = ?1";
        let states = self
            .database
            .query_row(sql, [&self.connector], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(states.optional()?)
    }

    /// The state to go on from where `given` is kept in a file of its own. That file is written after this one, so
    /// it may be one checkpoint behind. Any other state says nothing about the rows of this file: snapshots that it
    /// has under way delete nothing here.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn reconcile(&mut self, given: String) -> Result<String> {
        match self.states()? {
            Some((own, previous)) if own == given || previous.as_ref() == Some(&given) => Ok(own),
            _ => {
                stderr::warn(
                    "the state is not one of this SQLite file; until a new snapshot begins, nothing is deleted in it",
                );
                let sql = "UPDATE _streams SET in_snapshot = 0 WHERE connector = ?1";
                self.database.execute(sql, [&self.connector])?;
                Ok(given)
            }
        }
    }
}

/// Checks the file and makes its tables, in one transaction. The tables know their snapshots as of the version.
fn prepare(
    database: &mut Connection,
    connector: &str,
    streams: &[Stream],
    views: &[(String, String)],
) -> Result<(BTreeMap<String, Table>, i64)> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    catalog::check_views(&transaction, views)?;
    let tables = catalog::prepare(&transaction, connector, streams)?;
    catalog::create_views(&transaction, views)?;
    let version = catalog::version(&transaction, connector)?;
    transaction.commit()?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    let named = tables.into_iter().map(|table| (table.name.clone(), table));
    Ok((named.collect(), version))
}
