//! A set of page ids in 6 KiB, whatever its size: enough to tell by which few ids it differs from another set.
//!
//! A page that is purged after the snapshot under way has read it is in no listing any more, and its rows were written
//! since the snapshot began, so closing it does not remove them. The ids that were listed can't be kept, but a sketch
//! of them can (an invertible Bloom lookup table, Goodrich and Mitzenmacher 2011): each id is folded into one cell of
//! each table, and folding it in again takes it out. What is left of two sets when all they share is taken out stands
//! alone in some cell and can be read there.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const TABLES: usize = 4;
/// Cells of a table, a power of two. All tables together hold some 150 ids that can be read.
const CELLS: usize = 64;
/// Hexadecimal digits of a cell.
const CELL: usize = 24;

/// The exclusive or of the ids in a cell, and that of their checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cell {
    ids: u64,
    checks: u32,
}

/// A set of page ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdSketch(Vec<Cell>);

impl IdSketch {
    /// Adds an id, or takes it out if it was added before.
    pub fn toggle(&mut self, id: u64) {
        if self.0.is_empty() {
            self.0 = vec![Cell::default(); TABLES * CELLS];
        }
        for table in 0..TABLES {
            if let Some(cell) = self.0.get_mut(place(id, table)) {
                cell.ids ^= id;
                cell.checks ^= check(id);
            }
        }
    }

    /// The ids in it, if they are few.
    #[must_use]
    pub fn into_ids(mut self) -> Option<Vec<u64>> {
        let mut ids = Vec::new();
        while let Some(id) = self.alone().filter(|_| ids.len() < TABLES * CELLS) {
            self.toggle(id);
            ids.push(id);
        }
        let is_empty = self.0.iter().all(|cell| *cell == Cell::default());
        is_empty.then_some(ids)
    }

    /// An id that has a cell for itself.
    fn alone(&self) -> Option<u64> {
        let mut cells = self.0.iter().enumerate();
        let found = cells.find(|(index, cell)| {
            cell.ids != 0
                && cell.checks == check(cell.ids)
                && place(cell.ids, index / CELLS) == *index
        });
        found.map(|(_, cell)| cell.ids)
    }
}

/// Where the cell of an id is in a table.
fn place(id: u64, table: usize) -> usize {
    let cell = mixed(id) >> (8 * table);
    table * CELLS + usize::try_from(cell % CELLS as u64).unwrap_or_default()
}

fn check(id: u64) -> u32 {
    u32::try_from(mixed(id) >> 32).unwrap_or_default()
}

/// The finalizer of SplitMix64: every bit of an id changes half of all bits.
fn mixed(id: u64) -> u64 {
    let id = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    id ^ (id >> 31)
}

impl Serialize for IdSketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(self.0.len() * CELL);
        for Cell { ids, checks } in &self.0 {
            // Writing to a text never fails.
            let _ = write!(text, "{ids:016x}{checks:08x}");
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for IdSketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let cells = text.as_bytes().chunks(CELL).map(read_cell);
        let cells: Option<Vec<_>> = cells.collect();
        let cells = cells.filter(|cells| [0, TABLES * CELLS].contains(&cells.len()));
        cells
            .map(Self)
            .ok_or_else(|| de::Error::custom("not a sketch of ids"))
    }
}

fn read_cell(digits: &[u8]) -> Option<Cell> {
    let digits = str::from_utf8(digits).ok()?;
    let (ids, checks) = digits.split_at_checked(16)?;
    Some(Cell {
        ids: u64::from_str_radix(ids, 16).ok()?,
        checks: u32::from_str_radix(checks, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_ids_can_nearly_always_be_read() {
        let is_read = |set: &u64| {
            let mut sketch = IdSketch::default();
            (0..60).for_each(|id| sketch.toggle(4_294_967_296 + (set * 60 + id) * 32_768));
            sketch.into_ids().is_some_and(|ids| ids.len() == 60)
        };
        let read = (0..1000).filter(is_read).count();
        assert!(read >= 995, "{read} of 1000");
    }

    proptest! {
        #[test]
        fn what_is_missing_is_read_whatever_is_there(
            there in prop::collection::btree_set(1..u64::MAX, 0..3000),
            missing in prop::collection::btree_set(1..u64::MAX, 0..60),
        ) {
            let missing: BTreeSet<_> = missing.difference(&there).copied().collect();
            let mut sketch = IdSketch::default();
            there.iter().chain(&missing).for_each(|id| sketch.toggle(*id));
            let text = serde_json::to_string(&sketch).unwrap();
            let mut sketch: IdSketch = serde_json::from_str(&text).unwrap();
            there.iter().for_each(|id| sketch.toggle(*id));
            let found = sketch.into_ids().map(BTreeSet::from_iter);
            prop_assert!(found.is_none() || found == Some(missing));
        }

        #[test]
        fn too_many_can_not_be_read(ids in prop::collection::btree_set(1..u64::MAX, 400..600)) {
            let mut sketch = IdSketch::default();
            ids.iter().for_each(|id| sketch.toggle(*id));
            prop_assert_eq!(sketch.into_ids(), None);
        }

        #[test]
        fn no_text_panics(text in "[0-9a-f]{0,60}|\\PC{0,30}") {
            let json = serde_json::to_string(&text).unwrap();
            let sketch = serde_json::from_str::<IdSketch>(&json);
            prop_assert!(sketch.is_err() || text.is_empty());
        }
    }
}
