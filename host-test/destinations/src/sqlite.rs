//! Rows and state in one SQLite file, in one transaction per checkpoint: a crash at any instant loses and
//! repeats nothing.
//!
//! Each stream has a table of its own name; the views `confluence_…` have DX's columns, with views and
//! content states joined to the pages. Every row carries the generation of the run that delivered it, so that
//! a finished snapshot can sweep what it did not see, across interruptions.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use serde_json::{Map, Value};

use connector_runtime::output::{Batch, Note, Output};
use connector_runtime::engine::StreamInfo;

/// The views for people: each stream under DX's name, and pages with what hangs on them.
const VIEWS: &str = "
    CREATE VIEW IF NOT EXISTS confluence_pages AS
        SELECT pages.*, page_views.views_count, page_content_states.content_state_name
        FROM (SELECT {pages} FROM pages) AS pages
        LEFT JOIN page_views ON page_views.page_id = pages.source_id
        LEFT JOIN page_content_states ON page_content_states.page_id = pages.source_id;";

/// Keeps a state, and the one before it.
const REMEMBER: &str = "
    INSERT INTO _state VALUES (1, ?1, NULL, ?2)
    ON CONFLICT (id) DO UPDATE SET previous = state, state = excluded.state, sweeps = excluded.sweeps";

/// A SQLite file that takes rows.
#[derive(Debug)]
pub struct Sqlite {
    database: Connection,
    tables: BTreeMap<String, Table>,
    in_transaction: bool,
    /// Whether a run begins that resumes none.
    begins: bool,
    /// Whether this run may sweep: not when it goes on from a state that this file never saw.
    sweeps: bool,
}

#[derive(Debug)]
struct Table {
    columns: Vec<String>,
    insert: String,
    generation: i64,
}

impl Sqlite {
    /// Opens or makes the file, with tables for these streams.
    ///
    /// # Errors
    ///
    /// The file can't be opened or isn't of this making.
    pub fn open(file: &Path, streams: &[StreamInfo]) -> Result<Self> {
        let database = Connection::open(file)
            .with_context(|| format!("{} can't be opened", file.display()))?;
        database.busy_timeout(Duration::from_secs(30))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        database.execute_batch(
            "CREATE TABLE IF NOT EXISTS _state (
                 id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, previous TEXT,
                 sweeps INTEGER NOT NULL
             );
             CREATE TABLE IF NOT EXISTS _streams (name TEXT PRIMARY KEY, generation INTEGER NOT NULL);",
        )?;
        let mut sqlite = Self {
            database,
            tables: BTreeMap::new(),
            in_transaction: false,
            begins: false,
            sweeps: true,
        };
        let sweeps = "SELECT sweeps FROM _state";
        let sweeps = sqlite.database.query_row(sweeps, [], |row| row.get(0));
        sqlite.sweeps = sweeps.optional()?.unwrap_or(true);
        for stream in streams {
            let table = sqlite.create(stream)?;
            sqlite.tables.insert(stream.name.clone(), table);
        }
        if let Some(pages) = sqlite.tables.get("pages") {
            let views = VIEWS.replace("{pages}", &pages.columns.join(", "));
            sqlite.database.execute_batch(&views)?;
        }
        Ok(sqlite)
    }

    /// The state of the last checkpoint.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn state(&self) -> Result<Option<String>> {
        let state = self
            .database
            .query_row("SELECT state FROM _state", [], |row| row.get(0));
        Ok(state.optional()?)
    }

    /// The state to go on from, when `given` is kept elsewhere. That one is written after this file's own, so
    /// that it may lag one checkpoint behind. With any other state the run can't tell what this file holds, and
    /// nothing is swept.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn reconcile(&mut self, given: String) -> Result<String> {
        let states = self
            .database
            .query_row("SELECT state, previous FROM _state", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
        let states: Option<(String, Option<String>)> = states.optional()?;
        match states {
            Some((own, previous)) if own == given || previous.as_ref() == Some(&given) => Ok(own),
            _ => {
                tracing::warn!("the state is not one of this file: nothing is swept by this run");
                self.sweeps = false;
                Ok(given)
            }
        }
    }

    fn create(&self, stream: &StreamInfo) -> Result<Table> {
        let schema: Value = serde_json::from_str(&stream.schema)?;
        let columns = columns(&schema)
            .ok_or_else(|| anyhow!("the schema of {} has no columns", stream.name))?;
        let name = &stream.name;
        let definitions: Vec<_> = columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind}"))
            .collect();
        let names: Vec<_> = columns.into_iter().map(|(name, _)| name).collect();
        let listed = names.join(", ");
        self.database.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {name} ({}, _generation INTEGER NOT NULL, PRIMARY KEY ({})) WITHOUT ROWID;",
            definitions.join(", "),
            stream.primary_key.join(", ")
        ))?;
        if name != "pages" {
            let view = format!(
                "CREATE VIEW IF NOT EXISTS confluence_{name} AS SELECT {listed} FROM {name};"
            );
            self.database.execute_batch(&view)?;
        }
        self.database
            .execute("INSERT OR IGNORE INTO _streams VALUES (?1, 1)", [name])?;
        let generation = self.database.query_row(
            "SELECT generation FROM _streams WHERE name = ?1",
            [name],
            |row| row.get(0),
        )?;
        let marks = vec!["?"; names.len() + 1].join(", ");
        let insert =
            format!("INSERT OR REPLACE INTO {name} ({listed}, _generation) VALUES ({marks})");
        Ok(Table {
            columns: names,
            insert,
            generation,
        })
    }

    fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.database.execute_batch("BEGIN IMMEDIATE")?;
            self.in_transaction = true;
        }
        if std::mem::take(&mut self.begins) {
            let streams: Vec<_> = self.tables.keys().cloned().collect();
            for stream in &streams {
                self.next_generation(stream)?;
            }
        }
        Ok(())
    }

    fn next_generation(&mut self, stream: &str) -> Result<()> {
        let sql =
            "UPDATE _streams SET generation = generation + 1 WHERE name = ?1 RETURNING generation";
        let generation = self.database.query_row(sql, [stream], |row| row.get(0))?;
        if let Some(table) = self.tables.get_mut(stream) {
            table.generation = generation;
        }
        Ok(())
    }

    fn delete(&self, stream: &str, key: &str) -> Result<()> {
        let key: Map<String, Value> = serde_json::from_str(key).context("a key that is no JSON")?;
        let condition: Vec<_> = key.keys().map(|column| format!("{column} = ?")).collect();
        let sql = format!("DELETE FROM {stream} WHERE {}", condition.join(" AND "));
        self.database
            .prepare_cached(&sql)?
            .execute(params_from_iter(key.values().map(sql_value)))?;
        Ok(())
    }
}

impl Output for Sqlite {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        self.begin()?;
        for key in &batch.replaces {
            self.delete(&batch.stream, key)?;
        }
        let table = self
            .tables
            .get(&batch.stream)
            .ok_or_else(|| anyhow!("no stream {}", batch.stream))?;
        let mut insert = self.database.prepare_cached(&table.insert)?;
        for row in &batch.rows {
            let row: Map<String, Value> =
                serde_json::from_str(row).context("a row that is no JSON")?;
            let values = table
                .columns
                .iter()
                .map(|column| row.get(column).map_or(SqlValue::Null, sql_value));
            insert.execute(params_from_iter(
                values.chain([SqlValue::Integer(table.generation)]),
            ))?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        self.begin()?;
        self.database
            .execute(REMEMBER, params![state, self.sweeps])?;
        self.database.execute_batch("COMMIT")?;
        self.in_transaction = false;
        Ok(())
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        self.begin()?;
        if let Some(table) = self.tables.get(stream).filter(|_| snapshot && self.sweeps) {
            let sweep = format!("DELETE FROM {stream} WHERE _generation < ?1");
            self.database.execute(&sweep, params![table.generation])?;
        }
        self.next_generation(stream)
    }

    fn note(&mut self, note: &Note) {
        if *note == Note::Begin {
            (self.begins, self.sweeps) = (true, true);
        }
    }
}

/// The columns of a JSON Schema in the order of `required`, with their types in SQL.
fn columns(schema: &Value) -> Option<Vec<(String, &'static str)>> {
    let column = |name: &Value| {
        let name = name.as_str()?;
        let kind = &schema.get("properties")?.get(name)?["type"];
        let is = |wanted: &str| {
            kind == wanted
                || kind
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&wanted.into()))
        };
        Some((
            name.to_owned(),
            if is("integer") || is("boolean") {
                "INTEGER"
            } else {
                "TEXT"
            },
        ))
    };
    schema
        .get("required")?
        .as_array()?
        .iter()
        .map(column)
        .collect()
}

fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Bool(value) => SqlValue::Integer(i64::from(*value)),
        Value::Number(number) => number.as_i64().map_or(SqlValue::Null, SqlValue::Integer),
        Value::String(text) => SqlValue::Text(text.clone()),
        other => SqlValue::Text(other.to_string()),
    }
}
