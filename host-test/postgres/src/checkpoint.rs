//! What the destination is given: when a transaction begins, what it holds, and what must be true before it is committed.

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::destination::{Batch, Destination, Row};
use tokio_postgres::types::ToSql;

use crate::destination::{Entry, Postgres, Transaction};
use crate::sweep;

/// Keeps a state and the one before it, if nobody else did since the version that this run knows.
const STORE_STATE: &str = "
    INSERT INTO _state VALUES ($1, $2, NULL, 1)
    ON CONFLICT (connector) DO UPDATE
        SET previous = _state.state, state = EXCLUDED.state, version = _state.version + 1
        WHERE _state.version = $3
    RETURNING version";

impl Postgres {
    /// Begins a transaction if none is open. The first one makes up for closes that an earlier run refused.
    fn begin(&mut self) -> Result<()> {
        if self.transaction == Transaction::Open {
            return Ok(());
        }
        self.session.send("BEGIN", Vec::new())?;
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
        let parameters: Vec<&(dyn ToSql + Sync)> =
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
        for row in rows {
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
