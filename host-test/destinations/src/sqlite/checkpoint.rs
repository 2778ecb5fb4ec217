//! What the destination is given: when a transaction begins, and what must be true of the file then.

use anyhow::{Context as _, Result, ensure};
use connector_runtime::destination::{Batch, Destination, Row};
use rusqlite::params;

use super::table::Table;
use super::{Closing, Sqlite, Transaction, catalog, sweep};

/// Keeps a state, and the one before it.
const STORE_STATE: &str = "
    INSERT INTO _state (connector, state, previous, version) VALUES (?1, ?2, NULL, 1)
    ON CONFLICT (connector) DO UPDATE SET previous = state, state = excluded.state, version = version + 1";

impl Sqlite {
    /// Begins a transaction if none is open. The first one makes up for closes that an earlier run refused.
    fn begin(&mut self) -> Result<()> {
        self.watchdog.restart();
        if self.transaction == Transaction::Open {
            return Ok(());
        }
        self.database.execute_batch("BEGIN IMMEDIATE")?;
        if let Err(error) = self.refuse_other_writer() {
            self.database.execute_batch("ROLLBACK")?;
            return Err(error);
        }
        let before = std::mem::replace(&mut self.transaction, Transaction::Open);
        if before == Transaction::First {
            self.retry_refused_closes()?;
        }
        Ok(())
    }

    /// Rows that this run writes carry the number of the snapshot that it found. If another run has begun a snapshot since
    /// then, they would seem to be gone at its close. Nobody else writes once the transaction has begun.
    fn refuse_other_writer(&self) -> Result<()> {
        let version = catalog::version(&self.database, &self.connector)?;
        ensure!(
            version == self.version,
            "another run has written to this file since this one began; nothing of this checkpoint was written. Let one \
             run end before the next one begins"
        );
        Ok(())
    }

    fn retry_refused_closes(&self) -> Result<()> {
        for table in self.tables.values() {
            let sql = "SELECT refused_close FROM _streams WHERE name = ?1";
            let refused = self
                .database
                .query_row(sql, [&table.name], |row| row.get(0))?;
            if let Some(snapshot) = refused {
                sweep::close(
                    &self.database,
                    table,
                    snapshot,
                    Closing::Remembered,
                    self.max_delete,
                    &self.report,
                )?;
            }
        }
        Ok(())
    }

    fn table(&self, stream: &str) -> Result<&Table> {
        let table = self.tables.get(stream);
        table.with_context(|| format!("there is no stream {stream:?}"))
    }
}

impl Destination for Sqlite {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        self.begin()?;
        let sql =
            "UPDATE _streams SET snapshot = snapshot + 1, in_snapshot = 1, refused_close = NULL
                   WHERE name = ?1 RETURNING snapshot";
        for stream in streams {
            let table = self.tables.get_mut(stream);
            let table = table.with_context(|| format!("there is no stream {stream:?}"))?;
            table.snapshot = self.database.query_row(sql, [stream], |row| row.get(0))?;
        }
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.begin()?;
        let table = self.table(&batch.stream)?;
        for key in &batch.replaces {
            table.delete(&self.database, key)?;
        }
        table.upsert(&self.database, &batch.rows)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.begin()?;
        self.database
            .execute(STORE_STATE, params![self.connector, state])?;
        self.database.execute_batch("COMMIT")?;
        self.version += 1;
        self.transaction = Transaction::Committed;
        Ok(())
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.begin()?;
        let table = self.table(stream)?;
        let sql = "UPDATE _streams SET in_snapshot = 0 WHERE name = ?1 AND in_snapshot = 1";
        if self.database.execute(sql, [stream])? == 0 {
            // The snapshot began elsewhere, so this file does not know what belongs to it.
            return Ok(());
        }
        ensure!(table.snapshot > 0, "no snapshot of {stream:?} was begun");
        for key in except {
            table.spare(&self.database, key)?;
        }
        sweep::close(
            &self.database,
            table,
            table.snapshot,
            Closing::Ended,
            self.max_delete,
            &self.report,
        )
    }
}
