//! The destination itself: when a transaction begins, what it holds, and what must be true before it is committed.

use std::collections::BTreeMap;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use connector_destinations::sqlite::{MaxDelete, SweepReport};
use connector_runtime::destination::{Batch, Destination, Row};
use connector_runtime::stream::Stream;

use crate::address::Address;
use crate::catalog;
use crate::identifier::quote;
use crate::pending::Pending;
use crate::session::Session;
use crate::sweep;
use crate::table::Table;

/// Keeps a state and the one before it, if nobody else did since the version that this run knows.
const STORE_STATE: &str = "
    INSERT INTO _state VALUES ($1, $2, NULL, 1)
    ON CONFLICT (connector) DO UPDATE
        SET previous = _state.state, state = EXCLUDED.state, version = _state.version + 1
        WHERE _state.version = $3
    RETURNING version";

/// A check in the transaction of each checkpoint, just before it is committed.
///
/// A worker of a fleet that was taken for dead must not write any more. Its lease is a row of the same database: the
/// statement selects that row by the token that this worker was given, `FOR SHARE`. The lease then cannot change hands
/// before the transaction has ended.
#[derive(Debug, Clone)]
pub struct Fence {
    /// A statement that returns a row if the checkpoint may be committed.
    pub statement: String,
    /// Its parameters, bound as bigint.
    pub parameters: Vec<i64>,
}

/// How a schema is written.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The schema; it is made if it is missing.
    pub schema: String,
    /// How much the close of a snapshot may delete.
    pub max_delete: MaxDelete,
    /// Checked in each checkpoint's transaction.
    pub fence: Option<Fence>,
}

/// A PostgreSQL schema that takes rows of one connector.
#[derive(Debug)]
pub struct Postgres {
    session: Session,
    connector: String,
    streams: BTreeMap<String, Entry>,
    options: PostgresOptions,
    report: SweepReport,
    transaction: Transaction,
    /// How often the state was stored, as far as this run knows.
    version: i64,
}

/// A stream's table, and what waits to be sent to it.
#[derive(Debug)]
struct Entry {
    table: Table,
    pending: Pending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    /// None was begun by this run.
    First,
    Open,
    Committed,
}

impl Postgres {
    /// Connects, and makes the schema with tables for the streams of this connector. Blocks until that is done.
    ///
    /// # Errors
    ///
    /// The database cannot be reached, or a table in the schema belongs to somebody else; nothing was changed then.
    pub fn open(
        address: &Address,
        connector: &str,
        streams: &[Stream],
        options: PostgresOptions,
    ) -> Result<Self> {
        // A thread of its own: an executor may drive the calling one, and a second one must not block it.
        thread::scope(|scope| {
            let opened = scope.spawn(|| Self::open_here(address, connector, streams, options));
            opened
                .join()
                .map_err(|_| anyhow!("the thread that opens the database panicked"))?
        })
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
        let mut session = Session::open(address)?;
        let cannot = || format!("the schema {schema:?} cannot be used");
        let tables =
            catalog::prepare(&mut session, schema, connector, streams).with_context(cannot)?;
        let version = session.query(
            "SELECT version FROM _state WHERE connector = $1",
            &[&connector],
        )?;
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
            version: version.first().map_or(0, |row| row.get(0)),
            session,
            connector: connector.to_owned(),
            streams: tables.into_iter().map(entry).collect(),
            options,
            report: SweepReport::default(),
            transaction: Transaction::First,
        })
    }

    /// What closes of snapshots do, also while the run has the destination.
    #[must_use]
    pub fn report(&self) -> SweepReport {
        self.report.clone()
    }

    /// Makes views, by name and statement, and replaces those of the same name. The statements are SQL that SQLite
    /// and PostgreSQL both understand; tables are named without a schema.
    ///
    /// # Errors
    ///
    /// A table of that name exists, or the statement names what the schema has not.
    pub fn create_views(&mut self, views: &[(&str, String)]) -> Result<()> {
        on_own_thread(|| {
            for (name, select) in views {
                let name = quote(name);
                // Views of others that stand on this one survive where the columns stay.
                let replaced = self
                    .session
                    .batch(&format!("CREATE OR REPLACE VIEW {name} AS {select}"));
                if replaced.is_err() {
                    let anew = format!(
                        "BEGIN; DROP VIEW IF EXISTS {name}; CREATE VIEW {name} AS {select}; COMMIT"
                    );
                    self.session.batch(&anew)?;
                }
            }
            Ok(())
        })
    }

    /// The state of the last checkpoint.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn state(&mut self) -> Result<Option<String>> {
        Ok(self.states()?.map(|(state, _)| state))
    }

    /// The state of the last checkpoint, and the one before it.
    fn states(&mut self) -> Result<Option<(String, Option<String>)>> {
        let sql = "SELECT state, previous FROM _state WHERE connector = $1";
        let Self {
            session, connector, ..
        } = self;
        let states = on_own_thread(|| session.query(sql, &[connector]))?;
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
                let sql = "UPDATE _streams SET in_snapshot = false WHERE connector = $1";
                let Self {
                    session, connector, ..
                } = self;
                on_own_thread(|| session.execute(sql, &[connector]))?;
                Ok(given)
            }
        }
    }

    /// Begins a transaction if none is open. The first one makes up for closes that an earlier run refused.
    fn begin(&mut self) -> Result<()> {
        if self.transaction == Transaction::Open {
            return Ok(());
        }
        self.session.batch("BEGIN")?;
        let before = std::mem::replace(&mut self.transaction, Transaction::Open);
        if before == Transaction::First {
            self.retry_refused_closes()?;
        }
        Ok(())
    }

    fn retry_refused_closes(&mut self) -> Result<()> {
        let sql = "SELECT name, refused_close FROM _streams WHERE connector = $1 AND refused_close IS NOT NULL";
        for row in self.session.query(sql, &[&self.connector])? {
            let (name, snapshot): (String, i64) = (row.get(0), row.get(1));
            if let Some(entry) = self.streams.get(&name) {
                let max_delete = self.options.max_delete;
                sweep::close(
                    &mut self.session,
                    &entry.table,
                    snapshot,
                    max_delete,
                    &self.report,
                )?;
            }
        }
        Ok(())
    }

    /// Sends what waits for one stream.
    fn flush(&mut self, stream: &str) -> Result<()> {
        let waits = self
            .streams
            .get(stream)
            .is_some_and(|entry| !entry.pending.is_empty());
        if waits {
            self.begin()?;
            let entry = self
                .streams
                .get_mut(stream)
                .with_context(|| unknown(stream))?;
            entry.pending.flush(&mut self.session, &entry.table)?;
        }
        Ok(())
    }

    fn flush_all(&mut self) -> Result<()> {
        let names: Vec<_> = self.streams.keys().cloned().collect();
        names.iter().try_for_each(|name| self.flush(name))
    }

    /// Refuses the checkpoint of a worker that lost its lease.
    fn check_fence(&mut self) -> Result<()> {
        let Some(fence) = &self.options.fence else {
            return Ok(());
        };
        let parameters: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
            fence.parameters.iter().map(|value| value as _).collect();
        let held = self.session.query(&fence.statement, &parameters)?;
        ensure!(
            !held.is_empty(),
            "this run lost its lease to another worker; nothing of this checkpoint was written"
        );
        Ok(())
    }

    fn entry(&mut self, stream: &str) -> Result<&mut Entry> {
        self.streams
            .get_mut(stream)
            .with_context(|| unknown(stream))
    }
}

fn unknown(stream: &str) -> String {
    format!("there is no stream {stream:?}")
}

/// Runs something that blocks on a thread which no executor drives.
fn on_own_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .map_err(|_| anyhow!("a thread of the database panicked"))?
    })
}

impl Destination for Postgres {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.flush_all()?;
        self.begin()?;
        let sql = "UPDATE _streams SET snapshot = snapshot + 1, in_snapshot = true WHERE name = $1 RETURNING snapshot";
        for stream in streams {
            let snapshot = self.session.query(sql, &[stream])?;
            let snapshot = snapshot.first().with_context(|| unknown(stream))?.get(0);
            self.entry(stream)?.table.snapshot = snapshot;
        }
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let Batch {
            stream,
            replaces,
            rows,
        } = batch;
        let entry = self.entry(&stream)?;
        let keys: Result<Vec<_>> = replaces
            .iter()
            .map(|key| entry.table.partial_key(key))
            .collect();
        let keys = keys?;
        if keys.iter().any(|key| entry.pending.conflicts(key)) {
            self.flush(&stream)?;
        }
        let entry = self.entry(&stream)?;
        for key in keys {
            entry.pending.replace(key);
        }
        for row in &rows {
            let cells = entry.table.cells(row)?;
            entry.pending.push(cells, &entry.table.key);
        }
        if entry.pending.is_full() {
            self.flush(&stream)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        ensure!(
            !state.contains('\0'),
            "PostgreSQL cannot store a state that holds NUL"
        );
        self.begin()?;
        self.flush_all()?;
        let stored = self
            .session
            .query(STORE_STATE, &[&self.connector, &state, &self.version])?;
        let version = stored.first().map(|row| row.get::<_, i64>(0));
        if version != Some(self.version + 1) {
            bail!(
                "another run has written into the schema {:?} since this one began; nothing of this checkpoint was written",
                self.options.schema
            );
        }
        self.check_fence()?;
        self.session.batch("COMMIT")?;
        self.version += 1;
        self.transaction = Transaction::Committed;
        Ok(())
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.begin()?;
        self.flush(stream)?;
        let sql = "UPDATE _streams SET in_snapshot = false WHERE name = $1 AND in_snapshot";
        if self.session.execute(sql, &[&stream])? == 0 {
            // The snapshot began elsewhere, so this schema does not know what belongs to it.
            return Ok(());
        }
        let entry = self.streams.get(stream).with_context(|| unknown(stream))?;
        for key in except {
            let key = entry.table.partial_key(key)?;
            entry.table.spare(&mut self.session, key)?;
        }
        let snapshot = entry.table.snapshot;
        sweep::close(
            &mut self.session,
            &entry.table,
            snapshot,
            self.options.max_delete,
            &self.report,
        )
    }
}
