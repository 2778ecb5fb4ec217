//! The table of one stream, and the statements that change it.

use anyhow::{Context as _, Result, ensure};
use connector_runtime::destination::Row;
use connector_runtime::stream::{ColumnKind, Stream};
use tokio_postgres::types::Type;

use crate::column_type::ColumnType;
use crate::qualified::qualified;
use crate::session::Session;
use crate::value::{Cell, arrays};
use connector_destinations::identifier::{quote, quote_all};

mod widen;

/// The column that holds the number of the snapshot to which a row belongs. No stream has a column of this name:
/// theirs begin with a letter.
pub(crate) const SNAPSHOT: &str = "_snapshot";

/// A partial key: the positions of its columns, and their values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PartialKey {
    pub(crate) columns: Vec<usize>,
    pub(crate) values: Vec<Cell>,
}

/// A column of a stream, and the type in which it is stored.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) stored_as: ColumnType,
}

/// The table of a stream, and the snapshot that is under way.
#[derive(Debug)]
pub(crate) struct Table {
    /// The name of its stream.
    pub(crate) name: String,
    /// Its name in a statement.
    qualified: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
    /// The positions of the key's columns.
    pub(crate) key: Vec<usize>,
    /// The number of the snapshot that rows written now belong to.
    pub(crate) snapshot: i64,
    /// Whether a snapshot is under way.
    pub(crate) in_snapshot: bool,
    upsert: String,
}

impl Table {
    pub(crate) fn new(schema: &str, stream: &Stream) -> Result<Self> {
        let column = |column: &connector_runtime::stream::Column| Column {
            name: column.name.clone(),
            kind: column.kind,
            stored_as: ColumnType::of(column.kind),
        };
        let columns: Vec<_> = stream.columns.iter().map(column).collect();
        let position = |name: &String| columns.iter().position(|column| column.name == *name);
        let key: Option<Vec<_>> = stream.primary_key.iter().map(position).collect();
        let key = key.filter(|key| !key.is_empty());
        let qualified = qualified(schema, &stream.name);
        Ok(Self {
            name: stream.name.clone(),
            primary_key: stream.primary_key.clone(),
            key: key
                .with_context(|| format!("stream {:?} has no usable primary key", stream.name))?,
            snapshot: 0,
            in_snapshot: false,
            upsert: upsert_statement(&qualified, &columns, &stream.primary_key),
            qualified,
            columns,
        })
    }

    /// Notes the types of columns that exist already.
    pub(crate) fn set_types(&mut self, existing: impl Fn(&Column) -> Option<ColumnType>) {
        for column in &mut self.columns {
            column.stored_as = existing(column).unwrap_or(column.stored_as);
        }
        self.upsert = upsert_statement(&self.qualified, &self.columns, &self.primary_key);
    }

    /// Room is left in each block, so that a row which is only marked with its snapshot is updated in place.
    pub(crate) fn create_statement(&self) -> String {
        let mut parts: Vec<_> = self
            .columns
            .iter()
            .map(|column| self.definition(column))
            .collect();
        parts.push(format!("{} bigint NOT NULL", quote(SNAPSHOT)));
        parts.push(format!("PRIMARY KEY ({})", quote_all(&self.primary_key)));
        format!(
            "CREATE TABLE {} ({}) WITH (fillfactor = 80)",
            self.qualified,
            parts.join(", ")
        )
    }

    /// The statement that adds a column which the stream has gained.
    pub(crate) fn add_statement(&self, column: &Column) -> String {
        format!(
            "ALTER TABLE {} ADD COLUMN {}",
            self.qualified,
            self.definition(column)
        )
    }

    /// Keys are compared byte by byte, whatever the language of the database.
    fn definition(&self, column: &Column) -> String {
        let is_text_key =
            column.stored_as == ColumnType::Text && self.primary_key.contains(&column.name);
        let collation = if is_text_key { " COLLATE \"C\"" } else { "" };
        let kind = column.stored_as.name();
        format!("{} {kind}{collation}", quote(&column.name))
    }

    /// The values of a row in the order of the columns. A column that the row does not have is null.
    pub(crate) fn cells(&self, mut row: Row) -> Result<Vec<Cell>> {
        let cell = |column: &Column| match row.remove(&column.name) {
            None => Ok(Cell::Null),
            Some(value) => Cell::new(value, column.kind)
                .with_context(|| format!("stream {:?}, column {:?}", self.name, column.name)),
        };
        self.columns.iter().map(cell).collect()
    }

    /// Converts a partial key.
    pub(crate) fn partial_key(&self, key: &Row) -> Result<PartialKey> {
        ensure!(
            !key.is_empty(),
            "an empty key would match every row of {:?}",
            self.name
        );
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (name, value) in key.iter() {
            let found = self
                .columns
                .iter()
                .enumerate()
                .find(|(_, column)| column.name == *name);
            let (position, column) =
                found.with_context(|| format!("stream {:?} has no column {name:?}", self.name))?;
            columns.push(position);
            values.push(Cell::new(value.clone(), column.kind)?);
        }
        Ok(PartialKey { columns, values })
    }

    /// Inserts rows, or replaces those of the same key. No key occurs twice.
    pub(crate) fn upsert(&self, session: &mut Session, rows: Vec<Vec<Cell>>) -> Result<()> {
        let (types, count) = (
            self.columns.iter().map(|column| column.stored_as),
            rows.len(),
        );
        let mut parameters = arrays(types, rows);
        parameters.push((Box::new(self.snapshot), Type::INT8));
        session.store(&self.upsert, parameters, &self.name, count)
    }

    /// Deletes the rows that match one of these values in these columns.
    pub(crate) fn delete(
        &self,
        session: &mut Session,
        columns: &[usize],
        values: Vec<Vec<Cell>>,
    ) -> Result<()> {
        let (keys, condition) = self.matching(columns);
        let sql = format!(
            "DELETE FROM {} AS t USING {keys} WHERE {condition}",
            self.qualified
        );
        session.send(&sql, arrays(self.types(columns), values))
    }

    /// Makes the rows that match a partial key belong to the snapshot under way.
    pub(crate) fn spare(&self, session: &mut Session, key: PartialKey) -> Result<()> {
        let (keys, condition) = self.matching(&key.columns);
        let parameter = key.columns.len() + 1;
        let sql = format!(
            "UPDATE {} AS t SET {} = ${parameter}::bigint FROM {keys} WHERE {condition}",
            self.qualified,
            quote(SNAPSHOT),
        );
        let mut parameters = arrays(self.types(&key.columns), vec![key.values]);
        parameters.push((Box::new(self.snapshot), Type::INT8));
        session.send(&sql, parameters)
    }

    /// The types of these columns.
    fn types(&self, columns: &[usize]) -> impl Iterator<Item = ColumnType> {
        columns
            .iter()
            .filter_map(|position| Some(self.columns.get(*position)?.stored_as))
    }

    /// A list of keys that parameters hold, and the condition that a row matches one of them.
    fn matching(&self, columns: &[usize]) -> (String, String) {
        let columns = columns
            .iter()
            .filter_map(|position| self.columns.get(*position));
        let (mut arrays, mut names, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        for (index, column) in columns.enumerate() {
            let bound = column.stored_as.bound_name();
            arrays.push(format!("${}::{bound}[]", index + 1));
            names.push(format!("k{index}"));
            let cast = column.stored_as.name();
            conditions.push(format!("t.{} = k.k{index}::{cast}", quote(&column.name)));
        }
        let keys = format!("unnest({}) AS k({})", arrays.join(", "), names.join(", "));
        (keys, conditions.join(" AND "))
    }
}

/// One statement for any number of rows: each column is one array.
fn upsert_statement(table: &str, columns: &[Column], primary_key: &[String]) -> String {
    let (mut arrays, mut names, mut values, mut updates) = (vec![], vec![], vec![], vec![]);
    for (index, column) in columns.iter().enumerate() {
        let bound = column.stored_as.bound_name();
        arrays.push(format!("${}::{bound}[]", index + 1));
        names.push(format!("c{index}"));
        values.push(format!("c{index}::{}", column.stored_as.name()));
        if !primary_key.contains(&column.name) {
            let name = quote(&column.name);
            updates.push(format!("{name} = EXCLUDED.{name}"));
        }
    }
    let snapshot = quote(SNAPSHOT);
    updates.push(format!("{snapshot} = EXCLUDED.{snapshot}"));
    format!(
        "INSERT INTO {} ({}, {snapshot}) SELECT {}, ${}::bigint FROM unnest({}) AS r({}) \
         ON CONFLICT ({}) DO UPDATE SET {}",
        table,
        quote_all(columns.iter().map(|column| &column.name)),
        values.join(", "),
        columns.len() + 1,
        arrays.join(", "),
        names.join(", "),
        quote_all(primary_key),
        updates.join(", "),
    )
}
