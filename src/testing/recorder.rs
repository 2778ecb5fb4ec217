//! A sink that keeps tables as a host would, sweeps them, and refuses on demand.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Simulation;
use super::key::key_of;
use super::log::Event;
use super::oracle::Tables;
use crate::sink::{Batch, Sink, SinkError};
use crate::stream::Stream;
use crate::timestamp::Timestamp;

/// Rows by stream and key, each with the snapshot to which it belongs.
type Stored = BTreeMap<&'static str, BTreeMap<String, (Value, u64)>>;

/// What a sink holds.
#[derive(Debug, Clone, Default)]
struct Store {
    rows: Stored,
    /// When the views of each page were read, by their key.
    views_read: BTreeMap<String, Timestamp>,
    /// For each stream, how many snapshots have begun.
    snapshots: BTreeMap<&'static str, u64>,
    state: Option<String>,
}

/// Rows that a sweep removed, by stream.
pub(crate) type Swept = BTreeMap<&'static str, BTreeSet<String>>;

/// The sink of a simulation.
pub(crate) struct Recorder<'a> {
    simulation: &'a Simulation,
    store: RefCell<Store>,
    committed: RefCell<Store>,
    /// How many more events are taken.
    remaining: Cell<Option<u64>>,
    /// Rows emitted since the sink was last asked.
    emitted: RefCell<BTreeMap<&'static str, usize>>,
    closed: RefCell<BTreeSet<&'static str>>,
    swept: RefCell<Swept>,
    checkpoints: Cell<usize>,
    /// Whether anything came since the last checkpoint.
    has_changed: Cell<bool>,
    longest_state: Cell<usize>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(simulation: &'a Simulation) -> Self {
        Self {
            simulation,
            store: RefCell::default(),
            committed: RefCell::default(),
            remaining: Cell::default(),
            emitted: RefCell::default(),
            closed: RefCell::default(),
            swept: RefCell::default(),
            checkpoints: Cell::default(),
            has_changed: Cell::default(),
            longest_state: Cell::default(),
        }
    }

    /// Takes so many more events and then no more, or any number.
    pub(crate) fn refuse_after(&self, events: Option<u64>) {
        self.remaining.set(events);
    }

    /// Forgets what came behind the last checkpoint, as a database does.
    pub(crate) fn roll_back(&self) {
        self.store.replace(self.committed.borrow().clone());
    }

    /// The last checkpoint.
    pub(crate) fn state(&self) -> Option<String> {
        self.committed.borrow().state.clone()
    }

    pub(crate) fn longest_state(&self) -> usize {
        self.longest_state.get()
    }

    /// How many checkpoints came since this was last asked.
    pub(crate) fn take_checkpoints(&self) -> usize {
        self.checkpoints.take()
    }

    /// How many rows came since this was last asked, by stream.
    pub(crate) fn take_emitted(&self) -> BTreeMap<&'static str, usize> {
        let mut emitted = self.emitted.take();
        emitted.retain(|_, rows| *rows > 0);
        emitted
    }

    /// The streams whose snapshots ended since this was last asked.
    pub(crate) fn take_closed(&self) -> BTreeSet<&'static str> {
        self.closed.take()
    }

    /// The rows that were swept since this was last asked.
    pub(crate) fn take_swept(&self) -> Swept {
        self.swept.take()
    }

    /// All that the sink holds.
    pub(crate) fn tables(&self) -> Tables {
        let store = self.store.borrow();
        let mut tables = Tables::new();
        for (stream, rows) in &store.rows {
            if !rows.is_empty() {
                let rows = rows
                    .iter()
                    .map(|(key, (row, _))| (key.clone(), row.clone()));
                tables.insert(stream, rows.collect());
            }
        }
        tables
    }

    /// When those views were read that were read longest ago.
    pub(crate) fn oldest_views(&self) -> Option<Timestamp> {
        let store = self.store.borrow();
        let rows = store.rows.get(Stream::PageViews.name())?;
        rows.keys()
            .filter_map(|key| store.views_read.get(key))
            .min()
            .copied()
    }

    fn accept(&self, event: Event) -> Result<(), SinkError> {
        match self.remaining.get() {
            Some(0) => {
                self.simulation.record(Event::Refused);
                return Err(SinkError::Cancelled);
            }
            Some(remaining) => self.remaining.set(Some(remaining - 1)),
            None => {}
        }
        self.has_changed.set(true);
        self.simulation.record(event);
        Ok(())
    }
}

fn matches(row: &Value, partial: &Value) -> bool {
    let partial = partial.as_object().unwrap();
    partial
        .iter()
        .all(|(name, value)| row.get(name) == Some(value))
}

fn parse(partial_keys: &[String]) -> Vec<Value> {
    let keys = partial_keys.iter();
    keys.map(|key| serde_json::from_str(key).unwrap()).collect()
}

impl Sink for Recorder<'_> {
    fn begin_snapshot(&self, streams: &[Stream]) -> Result<(), SinkError> {
        assert!(!streams.is_empty());
        let names: Vec<_> = streams.iter().map(|stream| stream.name()).collect();
        self.accept(Event::BeginSnapshot(names.clone()))?;
        let mut store = self.store.borrow_mut();
        for name in names {
            *store.snapshots.entry(name).or_default() += 1;
        }
        Ok(())
    }

    fn emit(&self, batch: Batch) -> Result<(), SinkError> {
        let stream = batch.stream.name();
        assert!(!(batch.rows.is_empty() && batch.replaces.is_empty()));
        let (replaces, rows) = (batch.replaces.len(), batch.rows.len());
        self.accept(Event::Batch(stream, replaces, rows))?;
        *self.emitted.borrow_mut().entry(stream).or_default() += rows;
        let mut store = self.store.borrow_mut();
        let Store {
            rows,
            views_read,
            snapshots,
            ..
        } = &mut *store;
        let snapshot = snapshots.get(stream).copied().unwrap_or_default();
        let table = rows.entry(stream).or_default();
        let replaces = parse(&batch.replaces);
        table.retain(|_, (row, _)| !replaces.iter().any(|partial| matches(row, partial)));
        for row in &batch.rows {
            let mut row: Value = serde_json::from_str(row).unwrap();
            assert!(has_all_columns(batch.stream, &row), "{row}");
            // When the views were read differs from run to run; the site doesn't know it.
            let read_at = row.as_object_mut().unwrap().remove("read_at");
            assert_eq!(read_at.is_some(), batch.stream == Stream::PageViews);
            let key = key_of(batch.stream, &row);
            if let Some(read_at) = read_at {
                let read_at = Timestamp::parse(read_at.as_str().unwrap()).unwrap();
                views_read.insert(key.clone(), read_at);
            }
            table.insert(key, (row, snapshot));
        }
        Ok(())
    }

    fn checkpoint(&self, state: &str) -> Result<(), SinkError> {
        let changed = self.has_changed.get() || self.state().as_deref() != Some(state);
        assert!(changed, "two checkpoints with nothing between them");
        self.accept(Event::Checkpoint(state.to_owned()))?;
        self.has_changed.set(false);
        self.checkpoints.set(self.checkpoints.get() + 1);
        self.longest_state
            .set(self.longest_state.get().max(state.len()));
        let mut store = self.store.borrow_mut();
        store.state = Some(state.to_owned());
        self.committed.replace(store.clone());
        Ok(())
    }

    fn end_snapshot(&self, stream: Stream, except: &[String]) -> Result<(), SinkError> {
        let name = stream.name();
        self.accept(Event::EndSnapshot(name, except.len()))?;
        self.closed.borrow_mut().insert(name);
        let except = parse(except);
        let mut store = self.store.borrow_mut();
        let snapshot = store.snapshots.get(name).copied().unwrap_or_default();
        let table = store.rows.entry(name).or_default();
        let mut swept = self.swept.borrow_mut();
        table.retain(|key, (row, written)| {
            let stays = *written == snapshot || except.iter().any(|partial| matches(row, partial));
            if !stays {
                swept.entry(name).or_default().insert(key.clone());
            }
            stays
        });
        Ok(())
    }
}

fn has_all_columns(stream: Stream, row: &Value) -> bool {
    let row = row.as_object().unwrap();
    row.len() == stream.columns().len()
        && stream
            .columns()
            .iter()
            .all(|column| row.contains_key(column.name))
}
