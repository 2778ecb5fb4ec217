//! A destination that keeps tables as a database would: it commits, rolls back, sweeps, and refuses on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Result, bail};
use connector_runtime::destination::{Batch, Destination, Note, Row};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::key::key_of;
use super::oracle::Tables;
use crate::stream::Stream;

/// Called at each event, on the thread of the destination.
type Observer = Box<dyn FnMut() + Send>;

/// Rows by key, each with the snapshot to which it belongs.
type Rows = BTreeMap<String, (Value, u64)>;

/// What the destination holds.
#[derive(Clone, Default)]
struct Store {
    rows: BTreeMap<&'static str, Rows>,
    /// For each stream, how many snapshots have begun.
    snapshots: BTreeMap<&'static str, u64>,
    state: Option<String>,
}

#[derive(Default)]
struct Recorded {
    store: Store,
    committed: Store,
    /// The run that may write.
    run: usize,
    events: usize,
    refuse_at: Option<usize>,
    observer: Option<Observer>,
    closed: BTreeSet<String>,
    emitted: BTreeMap<&'static str, usize>,
    notes: Vec<Note>,
}

/// The destination. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Tape {
    recorded: Arc<Mutex<Recorded>>,
    /// Told of each event.
    changed: Arc<Notify>,
    /// The run that it was opened for.
    run: usize,
}

impl Tape {
    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap()
    }

    /// For a run: what came behind the last checkpoint is forgotten, as a database does, and so is what a run before
    /// this one has not written yet.
    pub(crate) fn open(&self) -> Self {
        let mut recorded = self.lock();
        recorded.store = recorded.committed.clone();
        recorded.events = 0;
        recorded.run += 1;
        Self {
            run: recorded.run,
            ..self.clone()
        }
    }

    /// Refuses this event of each run from now on, or none.
    pub(crate) fn refuse_at(&self, event: Option<usize>) {
        self.lock().refuse_at = event;
    }

    /// Calls this at each event.
    pub(crate) fn observe(&self, observer: impl FnMut() + Send + 'static) {
        self.lock().observer = Some(Box::new(observer));
    }

    /// Waits until so many events came in this run.
    pub(crate) async fn reached(&self, events: usize) {
        while self.events() < events {
            self.changed.notified().await;
        }
    }

    /// How many events came in the last run.
    pub(crate) fn events(&self) -> usize {
        self.lock().events
    }

    /// The last checkpoint.
    pub(crate) fn state(&self) -> Option<String> {
        self.lock().committed.state.clone()
    }

    /// The streams whose snapshots were closed since this was last asked.
    pub(crate) fn take_closed(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.lock().closed)
    }

    /// How many rows came since this was last asked, by stream.
    pub(crate) fn take_emitted(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.lock().emitted)
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        self.lock().notes.clone()
    }

    /// All that was delivered.
    pub(crate) fn tables(&self) -> Tables {
        let recorded = self.lock();
        let filled = recorded
            .store
            .rows
            .iter()
            .filter(|(_, rows)| !rows.is_empty());
        let table = |rows: &Rows| {
            let rows = rows
                .iter()
                .map(|(key, (row, _))| (key.clone(), row.clone()));
            rows.collect()
        };
        filled.map(|(name, rows)| (*name, table(rows))).collect()
    }

    fn accept(&self) -> Result<MutexGuard<'_, Recorded>> {
        let mut recorded = self.lock();
        if recorded.run != self.run {
            bail!("another run has begun");
        }
        recorded.events += 1;
        self.changed.notify_one();
        if let Some(observer) = &mut recorded.observer {
            observer();
        }
        if recorded.refuse_at == Some(recorded.events) {
            bail!("the disk is full");
        }
        Ok(recorded)
    }
}

impl Store {
    fn apply(&mut self, stream: Stream, batch: Batch) {
        let snapshot = self.snapshots.get(stream.name()).copied();
        let snapshot = snapshot.unwrap_or_default();
        let table = self.rows.entry(stream.name()).or_default();
        table.retain(|_, (row, _)| !matches_any(row, &batch.replaces));
        for mut row in batch.rows {
            // When the views were read differs from run to run; the site doesn't know it.
            row.remove("read_at");
            let row = json!(row);
            table.insert(key_of(stream, &row), (row, snapshot));
        }
    }

    fn sweep(&mut self, stream: Stream, except: &[Row]) {
        let snapshot = self.snapshots.get(stream.name()).copied();
        let table = self.rows.entry(stream.name()).or_default();
        table.retain(|_, (row, written)| Some(*written) == snapshot || matches_any(row, except));
    }
}

fn matches_any(row: &Value, partial_keys: &[Row]) -> bool {
    let matches = |partial: &Row| {
        let mut partial = partial.iter();
        partial.all(|(name, value)| row.get(name) == Some(value))
    };
    partial_keys.iter().any(matches)
}

fn stream(name: &str) -> Stream {
    let mut streams = Stream::ALL.into_iter();
    streams.find(|stream| stream.name() == name).unwrap()
}

impl Destination for Tape {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        let mut recorded = self.accept()?;
        for name in streams {
            let snapshots = &mut recorded.store.snapshots;
            *snapshots.entry(stream(name).name()).or_default() += 1;
        }
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let mut recorded = self.accept()?;
        let stream = stream(&batch.stream);
        *recorded.emitted.entry(stream.name()).or_default() += batch.rows.len();
        recorded.store.apply(stream, batch);
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        let mut recorded = self.accept()?;
        recorded.store.state = Some(state.to_owned());
        recorded.committed = recorded.store.clone();
        Ok(())
    }

    fn end_snapshot(&mut self, name: &str, except: &[Row]) -> Result<()> {
        let mut recorded = self.accept()?;
        recorded.closed.insert(name.to_owned());
        recorded.store.sweep(stream(name), except);
        Ok(())
    }

    fn note(&mut self, note: &Note) {
        self.lock().notes.push(note.clone());
    }
}
