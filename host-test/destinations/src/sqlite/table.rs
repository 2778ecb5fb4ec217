//! The table of one stream.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use connector_runtime::destination::Row;
use connector_runtime::stream::{ColumnKind, Stream};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

use super::value::{bound, declared_type};
use crate::identifier::{quote, quote_all};

/// The column that holds the number of the snapshot to which a row belongs. No stream has a column of this name:
/// theirs begin with a letter.
pub(super) const SNAPSHOT: &str = "_snapshot";

/// A column as the table has it.
#[derive(Debug, Clone)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) is_key: bool,
}

/// The table of a stream, and the snapshot that is under way.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<TableColumn>,
    pub(super) primary_key: Vec<String>,
    /// The number of the snapshot that rows written now belong to.
    pub(super) snapshot: i64,
    insert: String,
}

impl Table {
    pub(super) fn new(stream: &Stream) -> Self {
        let columns: Vec<_> = stream
            .columns
            .iter()
            .map(|column| TableColumn {
                name: column.name.clone(),
                kind: column.kind,
                is_key: stream.primary_key.contains(&column.name),
            })
            .collect();
        let parameters = vec!["?"; columns.len() + 1].join(", ");
        let insert = format!(
            "INSERT OR REPLACE INTO {} ({}, {}) VALUES ({parameters})",
            quote(&stream.name),
            quote_all(columns.iter().map(|column| &column.name)),
            quote(SNAPSHOT),
        );
        Self {
            name: stream.name.clone(),
            columns,
            primary_key: stream.primary_key.clone(),
            snapshot: 0,
            insert,
        }
    }

    pub(super) fn create_statement(&self) -> String {
        let mut parts: Vec<_> = self.columns.iter().map(definition).collect();
        parts.push(format!("{} INTEGER NOT NULL", quote(SNAPSHOT)));
        let has_key = !self.primary_key.is_empty();
        if has_key {
            parts.push(format!("PRIMARY KEY ({})", quote_all(&self.primary_key)));
        }
        let storage = if has_key { " WITHOUT ROWID" } else { "" };
        format!(
            "CREATE TABLE {} ({}){storage}",
            quote(&self.name),
            parts.join(", ")
        )
    }

    /// The statement that adds a column which the stream has gained.
    pub(super) fn add_statement(&self, column: &TableColumn) -> String {
        let table = quote(&self.name);
        format!("ALTER TABLE {table} ADD COLUMN {}", definition(column))
    }

    pub(super) fn upsert(&self, database: &Connection, rows: &[Row]) -> Result<()> {
        let mut insert = database.prepare_cached(&self.insert)?;
        for row in rows {
            let values = self.columns.iter().map(|column| {
                row.get(&column.name)
                    .map_or(SqlValue::Null, |value| bound(value, column))
            });
            let values = values.chain([SqlValue::Integer(self.snapshot)]);
            let written = insert.execute(params_from_iter(values))?;
            ensure!(written == 1, "a row of {} was not kept", self.name);
        }
        Ok(())
    }

    /// Deletes the rows that match a partial key.
    pub(super) fn delete(&self, database: &Connection, key: &Row) -> Result<()> {
        let condition = equal_all(key.keys());
        let sql = format!("DELETE FROM {} WHERE {condition}", quote(&self.name));
        let values = self.key_values(key)?;
        database
            .prepare_cached(&sql)?
            .execute(params_from_iter(values))?;
        Ok(())
    }

    /// Makes the rows that match a partial key belong to the snapshot under way.
    pub(super) fn spare(&self, database: &Connection, key: &Row) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET {} = ? WHERE {}",
            quote(&self.name),
            quote(SNAPSHOT),
            equal_all(key.keys())
        );
        let snapshot = SqlValue::Integer(self.snapshot);
        let values = [snapshot].into_iter().chain(self.key_values(key)?);
        database
            .prepare_cached(&sql)?
            .execute(params_from_iter(values))?;
        Ok(())
    }

    fn key_values(&self, key: &Row) -> Result<Vec<SqlValue>> {
        ensure!(!key.is_empty(), "a key of {} without a column", self.name);
        let by_name: BTreeMap<_, _> = self
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column))
            .collect();
        key.iter()
            .map(|(name, value)| {
                let column = by_name.get(name);
                let column = column
                    .with_context(|| format!("the stream {} has no column {name:?}", self.name))?;
                Ok(bound(value, column))
            })
            .collect()
    }
}

fn definition(column: &TableColumn) -> String {
    format!("{} {}", quote(&column.name), declared_type(column.kind))
}

/// A condition that compares each of these columns with a parameter.
fn equal_all<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let conditions = names.into_iter().map(|name| format!("{} = ?", quote(name)));
    conditions.collect::<Vec<_>>().join(" AND ")
}
