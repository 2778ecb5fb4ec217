//! Rows and replacements that wait to be sent together.
//!
//! Batches are small (the versions of one page, say), and each statement costs a round trip. So what a stream is given
//! is collected until a checkpoint, or until it is much, and sent as one deletion and one upsert. The result is the
//! same as if each batch had been sent by itself: a batch that replaces rows which are still waiting is kept back
//! until those were sent.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use anyhow::Result;

use crate::session::Session;
use crate::table::{PartialKey, Table};
use crate::value::Cell;

/// Rows of one stream that may wait: few, so that the server executes them while the next ones are collected, and so
/// many that a statement costs little beside its rows.
const MAX_ROWS: usize = 500;
/// About how many bytes of one stream may wait.
const MAX_BYTES: usize = 2 << 20;

/// What waits for one stream.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    rows: Vec<Vec<Cell>>,
    /// Where the row of a key is in `rows`.
    positions: HashMap<Vec<Cell>, usize>,
    /// Keys to delete before the rows are sent, by the columns that they name.
    deletes: BTreeMap<Vec<usize>, HashSet<Vec<Cell>>>,
    /// Hashes of the waiting rows' values in the columns by which rows were replaced. Two values of one hash cost an
    /// early statement and no more.
    present: HashMap<Vec<usize>, HashSet<u64>>,
    bytes: usize,
}

impl Pending {
    /// Whether it is time to send.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= MAX_ROWS || self.bytes >= MAX_BYTES
    }

    /// Whether a replacement concerns rows that wait, so that they must be sent before it.
    pub(crate) fn conflicts(&mut self, key: &PartialKey) -> bool {
        if self.rows.is_empty() {
            return false;
        }
        let rows = &self.rows;
        let present = self
            .present
            .entry(key.columns.clone())
            .or_insert_with(|| rows.iter().map(|row| hash(row, &key.columns)).collect());
        present.contains(&hash_of(key.values.iter()))
    }

    /// Adds a replacement.
    pub(crate) fn replace(&mut self, key: PartialKey) {
        self.bytes += key.values.iter().map(Cell::size).sum::<usize>();
        self.deletes
            .entry(key.columns)
            .or_default()
            .insert(key.values);
    }

    /// Adds a row, or puts it in the place of a waiting one with the same key.
    pub(crate) fn push(&mut self, row: Vec<Cell>, key: &[usize]) {
        self.bytes += row.iter().map(Cell::size).sum::<usize>();
        for (columns, values) in &mut self.present {
            values.insert(hash(&row, columns));
        }
        let key = project(&row, key);
        let waiting = self
            .positions
            .get(&key)
            .and_then(|position| self.rows.get_mut(*position));
        if let Some(waiting) = waiting {
            *waiting = row;
        } else {
            self.positions.insert(key, self.rows.len());
            self.rows.push(row);
        }
    }

    /// Sends everything.
    pub(crate) fn flush(&mut self, session: &mut Session, table: &Table) -> Result<()> {
        let pending = std::mem::take(self);
        for (columns, values) in pending.deletes {
            let values: Vec<_> = values.into_iter().collect();
            table.delete(session, &columns, values)?;
        }
        if !pending.rows.is_empty() {
            table.upsert(session, pending.rows)?;
        }
        Ok(())
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.deletes.is_empty()
    }
}

/// The values of these columns.
fn project(row: &[Cell], columns: &[usize]) -> Vec<Cell> {
    columns
        .iter()
        .filter_map(|position| row.get(*position).cloned())
        .collect()
}

/// A hash of the values of these columns, for this process alone.
fn hash(row: &[Cell], columns: &[usize]) -> u64 {
    hash_of(columns.iter().filter_map(|position| row.get(*position)))
}

fn hash_of<'a>(cells: impl Iterator<Item = &'a Cell>) -> u64 {
    let mut hasher = DefaultHasher::new();
    cells.for_each(|cell| cell.hash(&mut hasher));
    hasher.finish()
}
