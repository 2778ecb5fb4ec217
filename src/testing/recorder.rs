//! A sink that keeps tables as a host would, and refuses on demand.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::Value;

use super::World;
use super::log::Event;
use super::truth::Tables;
use crate::json::ToJson as _;
use crate::sink::{Batch, Note, Sink};
use crate::stream::Stream;

/// A row, and how many snapshots of its stream were finished when it came.
type Kept = BTreeMap<&'static str, BTreeMap<String, (Value, u64)>>;

/// What a sink holds.
#[derive(Debug, Clone, Default)]
struct Store {
    rows: Kept,
    /// For each stream, how many runs were finished.
    finished: BTreeMap<&'static str, u64>,
    /// What was finished behind the last checkpoint: it is swept with the next one.
    finishing: Vec<(&'static str, bool)>,
    state: Option<String>,
}

impl Store {
    /// Removes what a snapshot did not hold.
    fn sweep(&mut self) {
        for (stream, snapshot) in std::mem::take(&mut self.finishing) {
            let runs = self.finished.entry(stream).or_default();
            let run = *runs;
            *runs += 1;
            if snapshot {
                let table = self.rows.entry(stream).or_default();
                table.retain(|_, (_, delivered)| *delivered == run);
            }
        }
    }
}

/// The sink of a world.
pub(crate) struct Recorder<'a> {
    world: &'a World,
    store: RefCell<Store>,
    committed: RefCell<Store>,
    /// How many more events are taken.
    patience: Cell<Option<u64>>,
    /// Rows emitted since the sink was last asked.
    emitted: RefCell<BTreeMap<&'static str, usize>>,
    finished: RefCell<BTreeMap<&'static str, bool>>,
    longest_state: Cell<usize>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            store: RefCell::default(),
            committed: RefCell::default(),
            patience: Cell::default(),
            emitted: RefCell::default(),
            finished: RefCell::default(),
            longest_state: Cell::default(),
        }
    }

    /// Takes so many more events and then no more, or any number.
    pub(crate) fn refuse_after(&self, events: Option<u64>) {
        self.patience.set(events);
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

    /// How many rows came since this was last asked, by stream.
    pub(crate) fn take_emitted(&self) -> BTreeMap<&'static str, usize> {
        self.emitted.take()
    }

    /// Which streams were finished since this was last asked, and whether as snapshots.
    pub(crate) fn take_finished(&self) -> BTreeMap<&'static str, bool> {
        self.finished.take()
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

    fn take(&self, event: Event) -> Result<(), String> {
        match self.patience.get() {
            Some(0) => {
                self.world.note(Event::Refused);
                self.store.borrow_mut().finishing.clear();
                return Err("no more, please".into());
            }
            Some(left) => self.patience.set(Some(left - 1)),
            None => {}
        }
        self.world.note(event);
        Ok(())
    }
}

/// The key of a row as text.
pub(super) fn key_of(stream: Stream, row: &Value) -> String {
    let key = stream.primary_key().iter().map(|column| {
        let value = row.get(*column).unwrap();
        assert!(!value.is_null(), "a key that is null: {row}");
        value.to_string()
    });
    key.collect::<Vec<_>>().join(" ")
}

fn matches(row: &Value, partial: &Value) -> bool {
    let partial = partial.as_object().unwrap();
    partial
        .iter()
        .all(|(name, value)| row.get(name) == Some(value))
}

impl Sink for Recorder<'_> {
    fn emit(&self, batch: Batch) -> Result<(), String> {
        let stream = batch.stream.name();
        assert!(!(batch.rows.is_empty() && batch.replaces.is_empty()));
        let (replaces, rows) = (batch.replaces.len(), batch.rows.len());
        self.take(Event::Batch(stream, replaces, rows))?;
        *self.emitted.borrow_mut().entry(stream).or_default() += rows;
        let mut store = self.store.borrow_mut();
        let run = store.finished.get(stream).copied().unwrap_or_default();
        let table = store.rows.entry(stream).or_default();
        let replaces = batch.replaces.iter();
        let replaces: Vec<Value> = replaces
            .map(|partial| serde_json::from_str(partial).unwrap())
            .collect();
        table.retain(|_, (row, _)| !replaces.iter().any(|partial| matches(row, partial)));
        for row in &batch.rows {
            let row: Value = serde_json::from_str(row).unwrap();
            assert!(has_all_columns(batch.stream, &row), "{row}");
            table.insert(key_of(batch.stream, &row), (row, run));
        }
        Ok(())
    }

    fn checkpoint(&self, state: &str) -> Result<(), String> {
        self.take(Event::Checkpoint(state.to_owned()))?;
        self.longest_state
            .set(self.longest_state.get().max(state.len()));
        let mut store = self.store.borrow_mut();
        store.sweep();
        store.state = Some(state.to_owned());
        self.committed.replace(store.clone());
        Ok(())
    }

    fn finished(&self, stream: Stream, snapshot: bool) -> Result<(), String> {
        let stream = stream.name();
        self.take(Event::Finished(stream, snapshot))?;
        self.finished.borrow_mut().insert(stream, snapshot);
        self.store.borrow_mut().finishing.push((stream, snapshot));
        Ok(())
    }

    fn note(&self, note: &Note<'_>) {
        if matches!(note, Note::Begin) {
            let mut store = self.store.borrow_mut();
            for stream in Stream::ALL {
                *store.finished.entry(stream.name()).or_default() += 1;
            }
        }
        self.world.note(Event::Note(note.to_json()));
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
