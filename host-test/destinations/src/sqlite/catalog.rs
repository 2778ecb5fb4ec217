//! What a file holds: whose tables they are, and whether they fit.
//!
//! Tables are named by stream. A table that another connector or another program made is refused before anything is
//! changed in the file.

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::stream::Stream;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::table::{SNAPSHOT, Table};
use crate::identifier::quote;
use crate::lost_table::LostTable;

/// The tables of this program, with their columns.
const OWN_TABLES: [(&str, &[&str], &str); 2] = [
    (
        "_state",
        &["connector", "state", "previous", "version"],
        "CREATE TABLE _state (connector TEXT PRIMARY KEY, state TEXT NOT NULL, previous TEXT, \
         version INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID",
    ),
    (
        "_streams",
        &[
            "name",
            "connector",
            "snapshot",
            "in_snapshot",
            "refused_close",
        ],
        "CREATE TABLE _streams (name TEXT PRIMARY KEY, connector TEXT NOT NULL, snapshot INTEGER NOT NULL, \
         in_snapshot INTEGER NOT NULL, refused_close INTEGER) WITHOUT ROWID",
    ),
];

/// `_state` as it was before runs at once were told apart.
const STATE_WITHOUT_VERSION: [&str; 3] = ["connector", "state", "previous"];
const ADD_VERSION: &str = "ALTER TABLE _state ADD COLUMN version INTEGER NOT NULL DEFAULT 1";

/// Makes what is missing in the file for the streams of a connector. Nothing is changed where a table is not theirs.
pub(super) fn prepare(
    database: &Connection,
    connector: &str,
    streams: &[Stream],
) -> Result<Vec<Table>> {
    let lacks_version = columns_of(database, "_state")? == STATE_WITHOUT_VERSION;
    for (name, columns, _) in OWN_TABLES {
        let found = columns_of(database, name)?;
        ensure!(
            found.is_empty() || found == columns || (name == "_state" && lacks_version),
            "its table {name} was made by another program or another version of this one; use a new file"
        );
    }
    for (name, ..) in OWN_TABLES {
        check_constraints(database, name)?;
    }
    for stream in streams {
        check_owner(database, connector, stream)?;
        check_constraints(database, &stream.name)?;
    }
    if lacks_version {
        database.execute_batch(ADD_VERSION)?;
    }
    for (name, _, create) in OWN_TABLES {
        if columns_of(database, name)?.is_empty() {
            database.execute_batch(create)?;
        }
    }
    streams
        .iter()
        .map(|stream| table(database, connector, stream))
        .collect()
}

/// How often the state of a connector was stored.
pub(super) fn version(database: &Connection, connector: &str) -> Result<i64> {
    let sql = "SELECT version FROM _state WHERE connector = ?1";
    let version = database.query_row(sql, [connector], |row| row.get(0));
    Ok(version.optional()?.unwrap_or(0))
}

/// Refuses a file in which another program has given one of these names to something of its own.
pub(super) fn check_views(database: &Connection, views: &[(String, String)]) -> Result<()> {
    let is_own = !columns_of(database, "_streams")?.is_empty();
    for (name, _) in views {
        let sql = "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE";
        let found: Option<String> = database
            .query_row(sql, [name], |row| row.get(0))
            .optional()?;
        ensure!(
            found.is_none_or(|kind| is_own && kind == "view"),
            "its table {name} was made by another program; use another file"
        );
    }
    Ok(())
}

/// Makes views, and replaces those of the same name.
pub(super) fn create_views(database: &Connection, views: &[(String, String)]) -> Result<()> {
    for (name, select) in views {
        let name = quote(name);
        database.execute_batch(&format!("DROP VIEW IF EXISTS {name}"))?;
        database.execute_batch(&format!("CREATE VIEW {name} AS {select}"))?;
    }
    Ok(())
}

/// The columns of a table or a view; none if there is neither.
fn columns_of(database: &Connection, name: &str) -> Result<Vec<String>> {
    let mut statement = database.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([name], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn check_owner(database: &Connection, connector: &str, stream: &Stream) -> Result<()> {
    let name = &stream.name;
    let found = columns_of(database, name)?;
    if found.is_empty() {
        return check_never_filled(database, connector, name);
    }
    let owner = owner(database, name)?;
    match owner.as_deref() {
        Some(owner) if owner == connector => {}
        Some(other) => bail!(
            "its table {name} belongs to the connector {other:?}; use another file for {connector:?}"
        ),
        None => bail!("its table {name} was made by another program; use another file"),
    }
    let key = key_of(database, name)?;
    ensure!(
        found.iter().any(|column| column == SNAPSHOT) && key == stream.primary_key,
        "its table {name} has another primary key than the stream; use a new file"
    );
    Ok(())
}

/// Refuses a table whose constraints would merge rows with different keys: an index that wants other columns to be unique,
/// or a key that takes `A` for `a`.
fn check_constraints(database: &Connection, table: &str) -> Result<()> {
    let sql = "SELECT index_list.name FROM pragma_index_list(?1) AS index_list WHERE \"unique\" AND (
                   origin <> 'pk' OR EXISTS (
                       SELECT 1 FROM pragma_index_xinfo(index_list.name) WHERE key AND coll <> 'BINARY'))";
    let found: Option<String> = database
        .query_row(sql, [table], |row| row.get(0))
        .optional()?;
    if let Some(index) = found {
        bail!(
            "its table {table} has a further constraint, {index}, by which rows would replace each other; drop it, or \
             use a new file"
        );
    }
    Ok(())
}

/// Refuses a table that is missing and had a snapshot, which the state takes for delivered.
fn check_never_filled(database: &Connection, connector: &str, name: &str) -> Result<()> {
    for own in ["_state", "_streams"] {
        if columns_of(database, own)?.is_empty() {
            return Ok(());
        }
    }
    let sql = "SELECT count(*) FROM _streams JOIN _state USING (connector)
               WHERE name = ?1 AND connector = ?2 AND snapshot > 0";
    let filled: u32 = database.query_row(sql, [name, connector], |row| row.get(0))?;
    if filled > 0 {
        bail!(LostTable {
            stream: name.to_owned(),
            connector: connector.to_owned(),
        });
    }
    Ok(())
}

fn owner(database: &Connection, stream: &str) -> Result<Option<String>> {
    if columns_of(database, "_streams")?.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT connector FROM _streams WHERE name = ?1";
    let owner = database.query_row(sql, [stream], |row| row.get(0));
    Ok(owner.optional()?)
}

fn key_of(database: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    let mut statement = database.prepare(sql)?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn table(database: &Connection, connector: &str, stream: &Stream) -> Result<Table> {
    let mut table = Table::new(stream);
    let found = columns_of(database, &stream.name)?;
    if found.is_empty() {
        let create = table.create_statement();
        database
            .execute_batch(&create)
            .with_context(|| format!("the table {} cannot be made", quote(&stream.name)))?;
    }
    for column in &table.columns {
        if !found.is_empty() && !found.contains(&column.name) {
            database.execute_batch(&table.add_statement(column))?;
        }
    }
    database.execute(
        "INSERT OR IGNORE INTO _streams VALUES (?1, ?2, 0, 0, NULL)",
        params![stream.name, connector],
    )?;
    let sql = "SELECT snapshot FROM _streams WHERE name = ?1";
    table.snapshot = database.query_row(sql, [&stream.name], |row| row.get(0))?;
    Ok(table)
}
