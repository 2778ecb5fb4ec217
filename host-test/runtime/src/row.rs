//! One row, or a partial key, as a destination is given it.

use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::stream::{Column, ColumnKind};

/// A row or a partial key: values of columns, each of its column's kind or null. A column may be missing.
///
/// All rows of a stream share their columns, so that a row is one allocation besides its texts: as a map of names it
/// took twice the time to make and to drop.
#[derive(Debug, Clone)]
pub struct Row {
    /// Sorted by name.
    columns: Arc<[Column]>,
    /// One for each column.
    values: Vec<Option<Value>>,
}

impl Row {
    /// A row without a value. `columns` are sorted by name.
    pub(crate) fn new(columns: &Arc<[Column]>) -> Self {
        Self {
            columns: Arc::clone(columns),
            values: vec![None; columns.len()],
        }
    }

    /// The value of this column, to set it; none if there is no such column.
    pub(crate) fn slot(&mut self, column: &str) -> Option<(&Column, &mut Option<Value>)> {
        let index = index(&self.columns, column)?;
        Some((self.columns.get(index)?, self.values.get_mut(index)?))
    }

    /// The value of this column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        let index = index(&self.columns, column)?;
        self.values.get(index)?.as_ref()
    }

    /// Takes out the value of this column.
    pub fn remove(&mut self, column: &str) -> Option<Value> {
        let index = index(&self.columns, column)?;
        self.values.get_mut(index)?.take()
    }

    /// The columns that have a value, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let columns = self.columns.iter().zip(&self.values);
        columns.filter_map(|(column, value)| Some((column.name.as_str(), value.as_ref()?)))
    }

    /// The names of the columns that have a value.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Whether no column has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Where a column is among columns that are sorted by name.
pub(crate) fn index(columns: &[Column], name: &str) -> Option<usize> {
    let found = columns.binary_search_by(|column| column.name.as_str().cmp(name));
    found.ok()
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Of columns of any kind, for tests.
impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        let column = |name: &String| Column {
            name: name.clone(),
            kind: ColumnKind::Json,
            required: false,
        };
        let mut columns: Vec<_> = fields.keys().map(column).collect();
        columns.sort_by(|one, other| one.name.cmp(&other.name));
        let mut row = Self::new(&columns.into());
        for (name, value) in fields {
            if let Some((_, slot)) = row.slot(&name) {
                *slot = Some(value);
            }
        }
        Ok(row)
    }
}
