//! The destination: a connection, the tables of its streams, and the state that they belong to.

use std::collections::BTreeMap;
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use connector_destinations::sqlite::SweepReport;
use connector_runtime::stream::Stream;
use tokio_postgres::types::Type;

use crate::address::Address;
use crate::catalog;
use crate::lock;
use crate::options::PostgresOptions;
use crate::pending::Pending;
use crate::qualified::qualified;
use crate::server_error::without_password;
use crate::session::Session;
use crate::table::Table;
use crate::views;

/// A PostgreSQL schema that takes rows of one connector.
#[derive(Debug)]
pub struct Postgres {
    pub(crate) session: Session,
    pub(crate) connector: String,
    pub(crate) streams: BTreeMap<String, Entry>,
    pub(crate) options: PostgresOptions,
    pub(crate) report: SweepReport,
    pub(crate) in_transaction: bool,
    /// Snapshots that ended, to close at the next checkpoint, by stream.
    pub(crate) closes: BTreeMap<String, i64>,
    /// Snapshots that an earlier run was not allowed to close, by stream. The first transaction begins with them.
    pub(crate) refused_closes: BTreeMap<String, i64>,
    /// How often the state was stored, as far as this run knows.
    pub(crate) version: i64,
}

/// A stream's table, and what waits to be sent to it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) table: Table,
    pub(crate) pending: Pending,
}

impl Postgres {
    /// Connects, and makes the schema with tables for the streams of this connector. Blocks until that is done.
    ///
    /// # Errors
    ///
    /// The database cannot be reached, or a table in the schema belongs to somebody else, or is gone although the state
    /// covers it; nothing was changed then.
    pub fn open(
        address: &Address,
        connector: &str,
        streams: &[Stream],
        options: PostgresOptions,
    ) -> Result<Self> {
        on_own_thread(|| Self::open_here(address, connector, streams, options))
            .map_err(|error| without_password(error, &address.secrets))
    }

    fn open_here(
        address: &Address,
        connector: &str,
        streams: &[Stream],
        options: PostgresOptions,
    ) -> Result<Self> {
        let schema = &options.schema;
        ensure!(
            !schema.is_empty() && schema.len() <= 63 && !schema.contains('\0'),
            "the name of a schema has 1 to 63 bytes"
        );
        let mut session = Session::open(address, options.lock_timeout)?;
        let cannot = || format!("the schema {schema:?} cannot be used");
        let prepared = catalog::prepare(&mut session, &options, connector, streams)
            .map_err(|error| lock::name_holder(&mut session, schema, error))
            .with_context(cannot)?;
        views::create(&mut session, schema, &options.views)?;
        let entry = |table: Table| {
            (
                table.name.clone(),
                Entry {
                    table,
                    pending: Pending::default(),
                },
            )
        };
        Ok(Self {
            version: prepared.version,
            session,
            connector: connector.to_owned(),
            streams: prepared.tables.into_iter().map(entry).collect(),
            options,
            report: SweepReport::default(),
            in_transaction: false,
            closes: BTreeMap::new(),
            refused_closes: prepared.refused_closes,
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
    /// The database cannot be read.
    pub fn state(&mut self) -> Result<Option<String>> {
        Ok(self.states()?.map(|(state, _)| state))
    }

    /// The table of the streams and their snapshots, as a statement names it.
    pub(crate) fn streams_table(&self) -> String {
        qualified(&self.options.schema, "_streams")
    }

    /// The state of the last checkpoint, and the one before it.
    fn states(&mut self) -> Result<Option<(String, Option<String>)>> {
        let table = qualified(&self.options.schema, "_state");
        let sql = format!("SELECT state, previous FROM {table} WHERE connector = $1");
        let Self {
            session, connector, ..
        } = self;
        let states = on_own_thread(|| session.query(&sql, &[(connector, Type::TEXT)]))?;
        Ok(states.first().map(|row| (row.get(0), row.get(1))))
    }

    /// The state to go on from where `given` is kept in a file of its own. That file is written after this database,
    /// so it may be one checkpoint behind. Any other state says nothing about the rows here: snapshots that it has
    /// under way delete nothing.
    ///
    /// # Errors
    ///
    /// The database cannot be read or written.
    pub fn reconcile(&mut self, given: String) -> Result<String> {
        match self.states()? {
            Some((own, previous)) if own == given || previous.as_ref() == Some(&given) => Ok(own),
            _ => {
                connector_destinations::stderr::warn(
                    "the state is not one of this database; until a new snapshot begins, nothing is deleted in it",
                );
                let table = self.streams_table();
                let sql = format!("UPDATE {table} SET in_snapshot = false WHERE connector = $1");
                let Self {
                    session, connector, ..
                } = self;
                on_own_thread(|| session.query(&sql, &[(connector, Type::TEXT)]))?;
                for entry in self.streams.values_mut() {
                    entry.table.in_snapshot = false;
                }
                Ok(given)
            }
        }
    }
}

/// Runs something that blocks on a thread which no executor drives: a second executor must not block the calling one.
fn on_own_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .map_err(|_| anyhow!("a thread of the database panicked"))?
    })
}
