//! One row, or a partial key, as a destination is given it.

use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::stream::{Column, ColumnKind};

/// A row or a partial key: values of columns, each of its column's kind or null. A column may be missing.
///
/// All rows of a stream share their columns, so that a row is one allocation besides its texts: as a map of names it
/// took twice the time to make and to drop. It holds what is there alone: a guest can describe hundreds of columns and
/// fill one.
#[derive(Debug, Clone)]
pub struct Row {
    /// Sorted by name.
    columns: Arc<[Column]>,
    /// Indexes of columns and their values, in the order of the columns.
    values: Vec<(usize, Value)>,
}

impl Row {
    /// A row of these values, each with the index of its column; none if a column is there twice. `columns` are sorted
    /// by name.
    pub(crate) fn new(columns: &Arc<[Column]>, mut values: Vec<(usize, Value)>) -> Option<Self> {
        values.sort_by_key(|(column, _)| *column);
        let is_distinct = values.is_sorted_by(|(one, _), (next, _)| one < next);
        is_distinct.then(|| Self {
            columns: Arc::clone(columns),
            values,
        })
    }

    /// The value of this column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        let (_, value) = self.values.get(self.place(column)?)?;
        Some(value)
    }

    /// Takes out the value of this column.
    pub fn remove(&mut self, column: &str) -> Option<Value> {
        let place = self.place(column)?;
        Some(self.values.remove(place).1)
    }

    fn place(&self, column: &str) -> Option<usize> {
        let column = index(&self.columns, column)?;
        self.values
            .binary_search_by_key(&column, |(column, _)| *column)
            .ok()
    }

    /// The columns that have a value, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().filter_map(|(column, value)| {
            let column = self.columns.get(*column)?;
            Some((column.name.as_str(), value))
        })
    }

    /// The names of the columns that have a value.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Whether no column has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
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
        let columns: Arc<[_]> = columns.into();
        let values = fields.into_iter();
        let values = values.filter_map(|(name, value)| Some((index(&columns, &name)?, value)));
        Self::new(&columns, values.collect()).ok_or_else(|| D::Error::custom("a column twice"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn columns(count: usize) -> Arc<[Column]> {
        let column = |number| Column {
            name: format!("c{number:03}"),
            kind: ColumnKind::Json,
            required: false,
        };
        (0..count).map(column).collect()
    }

    #[test]
    fn a_row_is_a_map_whatever_the_order_of_its_values() {
        let columns = columns(500);
        let values = [(499, json!("last")), (0, json!(1)), (7, json!(null))];
        let mut row = Row::new(&columns, values.to_vec()).unwrap();
        assert_eq!(row.values.len(), 3, "columns without a value take nothing");
        let keys: Vec<_> = row.keys().collect();
        assert_eq!(keys, ["c000", "c007", "c499"]);
        assert_eq!(
            json!(row),
            json!({ "c000": 1, "c007": null, "c499": "last" })
        );
        assert_eq!(row.get("c499"), Some(&json!("last")));
        assert_eq!(row.get("c001"), None);
        assert_eq!(row.remove("c000"), Some(json!(1)));
        assert_eq!(row.remove("c000"), None);
        assert_eq!(row, serde_json::from_value::<Row>(json!(row)).unwrap());
    }

    #[test]
    fn a_column_is_there_once() {
        let twice = vec![(3, json!(1)), (1, json!(2)), (3, json!(3))];
        assert!(Row::new(&columns(5), twice).is_none());
    }
}
