//! Reads one row or partial key, and refuses it at the first thing that the stream does not describe.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::value::ValueSeed;
use crate::destination::Row;
use crate::printable::printable_within;
use crate::row::index;
use crate::stream::Stream;

/// Reads one JSON object.
pub(super) struct RowSeed<'s> {
    stream: &'s Stream,
    shape: Shape,
    /// How many values it may hold.
    left: &'s mut usize,
}

/// The name of a column, in place where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Which JSON object is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any known columns, among them those that are required and the key.
    Row,
    /// Key columns, at least one.
    PartialKey,
}

impl Shape {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Row => "a row",
            Self::PartialKey => "a partial key",
        }
    }
}

impl<'s> RowSeed<'s> {
    pub(super) fn new(stream: &'s Stream, shape: Shape, left: &'s mut usize) -> Self {
        Self {
            stream,
            shape,
            left,
        }
    }

    /// Whether the column of this name may be here.
    fn may_have(&self, name: &str) -> bool {
        let is_key = || self.stream.primary_key.iter().any(|key| key == name);
        self.shape == Shape::Row || is_key()
    }

    /// What is missing.
    fn missing(&self, row: &Row) -> Option<&'s str> {
        let given = |name: &str| row.get(name).is_some_and(|value| !value.is_null());
        let required = self.stream.columns.iter().filter(|column| column.required);
        let names = required.map(|column| column.name.as_str());
        let names = names.chain(self.stream.primary_key.iter().map(String::as_str));
        match self.shape {
            Shape::Row => names.into_iter().find(|name| !given(name)),
            Shape::PartialKey => row.is_empty().then_some("a key column"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Row;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object of columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let columns = &self.stream.columns;
        let mut values = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            let found = index(columns, &name).filter(|_| self.may_have(&name));
            let found = found.and_then(|index| Some((index, columns.get(index)?)));
            let Some((index, column)) = found else {
                let name = printable_within(&name, 80);
                return Err(A::Error::custom(format!("{name:?} is no column for it")));
            };
            let value = map.next_value_seed(ValueSeed::new(self.left))?;
            let null_is_fine = self.shape == Shape::Row && !column.required;
            if !(column.kind.accepts(&value) || value.is_null() && null_is_fine) {
                let kind = column.kind;
                return Err(A::Error::custom(format!(
                    "the value of {name} is not {kind:?}"
                )));
            }
            values.push((index, value));
        }
        let row = Row::new(columns, values);
        let row = row.ok_or_else(|| A::Error::custom("a column is there twice"))?;
        match self.missing(&row) {
            None => Ok(row),
            Some(name) => Err(A::Error::custom(format!("{name} is missing"))),
        }
    }
}
