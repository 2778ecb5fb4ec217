//! What the destination is given: when a transaction begins, what it holds, and what must be true before it is committed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use connector_destinations::sqlite::Closing;
use connector_runtime::destination::{Batch, Destination, Row};
use tokio_postgres::types::Type;

use crate::destination::{Entry, Postgres};
use crate::qualified::qualified;
use crate::session::{Parameter, Query};
use crate::sweep;
use crate::table::PartialKey;
use crate::value::Cell;

/// Keeps a state and the one before it, if nobody else did since the version that this run knows.
fn store_state(schema: &str) -> String {
    let table = qualified(schema, "_state");
    format!(
        "INSERT INTO {table} AS stored VALUES ($1, $2, NULL, 1)
         ON CONFLICT (connector) DO UPDATE
             SET previous = stored.state, state = EXCLUDED.state, version = stored.version + 1
             WHERE stored.version = $3
         RETURNING version"
    )
}

impl Postgres {
    /// Begins a transaction if none is open. The first one makes up for closes that an earlier run refused, before a new
    /// snapshot may begin.
    fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.session.send("BEGIN", Vec::new())?;
            self.in_transaction = true;
            let refused = std::mem::take(&mut self.refused_closes);
            self.close(&refused, Closing::Remembered)?;
        }
        Ok(())
    }

    fn close(&mut self, snapshots: &BTreeMap<String, i64>, closing: Closing) -> Result<()> {
        if snapshots.is_empty() {
            return Ok(());
        }
        let max_delete = self.options.max_delete;
        sweep::close(
            &mut self.session,
            &self.options.schema,
            snapshots,
            closing,
            max_delete,
            &self.report,
        )
    }

    fn close_ended(&mut self) -> Result<()> {
        let ended = std::mem::take(&mut self.closes);
        self.close(&ended, Closing::Ended)
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

    /// Stores the state, and checks in the same round trip that nobody else has written and that the lease is held.
    fn store_state(&mut self, state: &str) -> Result<()> {
        let parameters: [Parameter<'_>; 3] = [
            (&self.connector, Type::TEXT),
            (&state, Type::TEXT),
            (&self.version, Type::INT8),
        ];
        let sql = store_state(&self.options.schema);
        let mut queries = vec![Query {
            sql: &sql,
            parameters: &parameters,
        }];
        let fence = self.options.fence.as_ref();
        let parameters: Vec<Parameter<'_>> = fence
            .iter()
            .flat_map(|fence| &fence.parameters)
            .map(|value| (value as _, Type::INT8))
            .collect();
        queries.extend(fence.map(|fence| Query {
            sql: &fence.statement,
            parameters: &parameters,
        }));
        let mut answers = self.session.query_all(&queries)?.into_iter();
        let stored = answers.next().unwrap_or_default();
        let version = stored.first().map(|row| row.get::<_, i64>(0));
        ensure!(
            answers.all(|held| !held.is_empty()),
            "this run lost its lease to another worker; nothing of this checkpoint was written"
        );
        ensure!(
            version == Some(self.version + 1),
            "another run has written into the schema {:?} since this one began; nothing of this checkpoint was written",
            self.options.schema
        );
        Ok(())
    }

    /// Widens the columns that cannot hold a number of these keys and rows. What waits was typed for the narrower ones.
    fn make_room(&mut self, stream: &str, keys: &[PartialKey], rows: &[Vec<Cell>]) -> Result<()> {
        let table = &self.entry(stream)?.table;
        let all: Vec<_> = (0..table.columns.len()).collect();
        let mut columns = table.too_narrow(&all, rows);
        for key in keys {
            columns.extend(table.too_narrow(&key.columns, [&key.values]));
        }
        if columns.is_empty() {
            return Ok(());
        }
        self.flush(stream)?;
        self.begin()?;
        let Self {
            session, streams, ..
        } = self;
        let entry = streams.get_mut(stream).with_context(|| unknown(stream))?;
        entry.table.widen(session, &columns)
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
        self.close_ended()?;
        for stream in streams {
            let table = &mut self.entry(stream)?.table;
            table.snapshot += 1;
            table.in_snapshot = true;
        }
        let names: BTreeSet<_> = streams.iter().collect();
        let sql = format!(
            "UPDATE {} SET snapshot = snapshot + 1, in_snapshot = true, refused_close = NULL WHERE name = ANY($1)",
            self.streams_table()
        );
        self.session.store(
            &sql,
            vec![(Box::new(streams.to_vec()), Type::TEXT_ARRAY)],
            "_streams",
            names.len(),
        )
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
        let rows: Result<Vec<_>> = rows.into_iter().map(|row| entry.table.cells(row)).collect();
        let rows = rows?;
        self.make_room(&stream, &keys, &rows)?;
        let entry = self.entry(&stream)?;
        if keys.iter().any(|key| entry.pending.conflicts(key)) {
            self.flush(&stream)?;
        }
        let entry = self.entry(&stream)?;
        for key in keys {
            entry.pending.replace(key);
        }
        for cells in rows {
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
        self.close_ended()?;
        self.store_state(state)?;
        self.session.batch("COMMIT")?;
        self.version += 1;
        self.in_transaction = false;
        Ok(())
    }

    /// The close itself waits for the checkpoint, where all closes are one round trip.
    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        self.begin()?;
        self.flush(stream)?;
        let table = &self.entry(stream)?.table;
        let except: Result<Vec<_>> = except.iter().map(|key| table.partial_key(key)).collect();
        let except = except?;
        self.make_room(stream, &except, &[])?;
        let streams_table = self.streams_table();
        let Self {
            session, streams, ..
        } = self;
        let entry = streams.get_mut(stream).with_context(|| unknown(stream))?;
        if !std::mem::take(&mut entry.table.in_snapshot) {
            // The snapshot began elsewhere, so this schema does not know what belongs to it.
            return Ok(());
        }
        session.store(
            &format!("UPDATE {streams_table} SET in_snapshot = false WHERE name = $1"),
            vec![(Box::new(stream.to_owned()), Type::TEXT)],
            "_streams",
            1,
        )?;
        for key in except {
            entry.table.spare(session, key)?;
        }
        let snapshot = entry.table.snapshot;
        self.closes.insert(stream.to_owned(), snapshot);
        Ok(())
    }
}
