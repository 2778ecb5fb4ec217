//! What a schema holds: whose tables they are, and whether they fit.
//!
//! Tables are named by stream. A table that another connector or another program made is refused before anything is
//! changed in the database.

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::stream::Stream;

use crate::identifier::quote;
use crate::session::Session;
use crate::table::{SNAPSHOT, Table};
use crate::value::column_type;

/// The tables of this program, with their columns.
const OWN_TABLES: [(&str, &[&str], &str); 2] = [
    (
        "_state",
        &["connector", "state", "previous", "version"],
        "CREATE TABLE _state (connector text PRIMARY KEY, state text NOT NULL, previous text, version bigint NOT NULL)",
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
        "CREATE TABLE _streams (name text PRIMARY KEY, connector text NOT NULL, snapshot bigint NOT NULL, \
         in_snapshot boolean NOT NULL, refused_close bigint)",
    ),
];

/// A column as the server lists it.
struct Found {
    name: String,
    kind: String,
}

/// Makes the schema and what is missing in it for the streams of a connector. Nothing is changed where a table is not
/// theirs. Two programs that do this at once wait for each other.
pub(crate) fn prepare(
    session: &mut Session,
    schema: &str,
    connector: &str,
    streams: &[Stream],
) -> Result<Vec<Table>> {
    session.batch("BEGIN")?;
    session.query(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        &[&schema],
    )?;
    let exists = session.query("SELECT FROM pg_namespace WHERE nspname = $1", &[&schema])?;
    if exists.is_empty() {
        session.batch(&format!("CREATE SCHEMA {}", quote(schema)))?;
    }
    session.batch(&format!("SET search_path TO {}", quote(schema)))?;
    check(session, connector, streams)?;
    for (name, _, create) in OWN_TABLES {
        if columns_of(session, name)?.is_empty() {
            session.batch(create)?;
        }
    }
    let tables: Result<Vec<_>> = streams
        .iter()
        .map(|stream| table(session, connector, stream))
        .collect();
    let tables = tables?;
    session.batch("COMMIT")?;
    Ok(tables)
}

fn check(session: &mut Session, connector: &str, streams: &[Stream]) -> Result<()> {
    for (name, columns, _) in OWN_TABLES {
        let found = columns_of(session, name)?;
        ensure!(
            found.is_empty() || found.iter().map(|column| &column.name).eq(columns),
            "its table {name} was made by another program or another version of this one; use another schema"
        );
    }
    streams
        .iter()
        .try_for_each(|stream| check_owner(session, connector, stream))
}

/// The columns of a table, a view or anything else of this name; none if there is nothing.
fn columns_of(session: &mut Session, name: &str) -> Result<Vec<Found>> {
    let sql = "SELECT attname::text, format_type(atttypid, atttypmod)
               FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
               WHERE relname = $1 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
               ORDER BY attnum";
    let found = session.query(sql, &[&name])?;
    let found = found.iter().map(|row| Found {
        name: row.get(0),
        kind: row.get(1),
    });
    Ok(found.collect())
}

fn check_owner(session: &mut Session, connector: &str, stream: &Stream) -> Result<()> {
    let name = &stream.name;
    let found = columns_of(session, name)?;
    if found.is_empty() {
        return Ok(());
    }
    match owner(session, name)?.as_deref() {
        Some(owner) if owner == connector => {}
        Some(other) => bail!(
            "its table {name} belongs to the connector {other:?}; use another schema for {connector:?}"
        ),
        None => bail!("its table {name} was made by another program; use another schema"),
    }
    ensure!(
        found.iter().any(|column| column.name == SNAPSHOT)
            && key_of(session, name)? == stream.primary_key,
        "its table {name} has another primary key than the stream; use another schema"
    );
    for column in &stream.columns {
        let wanted = column_type(column.kind);
        let other = found
            .iter()
            .find(|found| found.name == column.name && found.kind != wanted);
        if let Some(other) = other {
            bail!(
                "the column {} of its table {name} is of type {}, and the stream's is {wanted}; use another schema",
                column.name,
                other.kind
            );
        }
    }
    Ok(())
}

fn owner(session: &mut Session, stream: &str) -> Result<Option<String>> {
    if columns_of(session, "_streams")?.is_empty() {
        return Ok(None);
    }
    let owner = session.query("SELECT connector FROM _streams WHERE name = $1", &[&stream])?;
    Ok(owner.first().map(|row| row.get(0)))
}

fn key_of(session: &mut Session, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT attname::text
               FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
               CROSS JOIN unnest(indkey) WITH ORDINALITY AS part(number, place)
               JOIN pg_attribute ON attrelid = indrelid AND attnum = number
               WHERE indisprimary AND relname = $1 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
               ORDER BY place";
    let names = session.query(sql, &[&table])?;
    Ok(names.iter().map(|row| row.get(0)).collect())
}

fn table(session: &mut Session, connector: &str, stream: &Stream) -> Result<Table> {
    let mut table = Table::new(stream)?;
    let found = columns_of(session, &stream.name)?;
    if found.is_empty() {
        let made = session.batch(&table.create_statement());
        made.with_context(|| format!("the table {} cannot be made", stream.name))?;
    }
    for column in &table.columns {
        if !found.is_empty() && !found.iter().any(|found| found.name == column.name) {
            session.batch(&table.add_statement(column))?;
        }
    }
    let sql = "INSERT INTO _streams VALUES ($1, $2, 0, false, NULL) ON CONFLICT DO NOTHING";
    session.execute(sql, &[&stream.name, &connector])?;
    let snapshot = session.query(
        "SELECT snapshot FROM _streams WHERE name = $1",
        &[&stream.name],
    )?;
    table.snapshot = snapshot.first().map_or(0, |row| row.get(0));
    Ok(table)
}
