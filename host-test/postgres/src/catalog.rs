//! What a schema holds: whose tables they are, and whether they fit.
//!
//! Tables are named by stream. A table that another connector or another program made is refused before anything is
//! changed in the database.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use connector_runtime::stream::Stream;
use tokio_postgres::types::Type;

use crate::column_type::ColumnType;
use crate::options::PostgresOptions;
use crate::qualified::qualified;
use crate::session::{Parameter, Query, Session};
use crate::stored::ensure_stored;
use crate::table::Table;
use crate::views;
use connector_destinations::identifier::quote;

mod check;
mod owner;
mod read;

/// The tables of this program, with their columns, and the statements that make them in a schema. A state is stored with
/// each checkpoint: compressing it took longer than
/// writing it.
const OWN_TABLES: [(&str, &[&str], &str); 2] = [
    (
        "_state",
        &["connector", "state", "previous", "version"],
        "CREATE TABLE {schema}._state (connector text PRIMARY KEY, state text NOT NULL, previous text, version bigint NOT NULL);
         ALTER TABLE {schema}._state ALTER state SET STORAGE EXTERNAL, ALTER previous SET STORAGE EXTERNAL",
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
        "CREATE TABLE {schema}._streams (name text PRIMARY KEY, connector text NOT NULL, snapshot bigint NOT NULL, \
         in_snapshot boolean NOT NULL, refused_close bigint)",
    ),
];

/// A schema that is ready for the rows of a connector.
pub(crate) struct Prepared {
    pub(crate) tables: Vec<Table>,
    /// Snapshots whose close was refused, by stream.
    pub(crate) refused_closes: BTreeMap<String, i64>,
    /// How often the state was stored.
    pub(crate) version: i64,
}

/// A column as the server lists it.
struct Found {
    name: String,
    kind: String,
}

/// What the schema says about a stream.
struct Registered {
    connector: String,
    snapshot: i64,
    in_snapshot: bool,
    refused_close: Option<i64>,
}

/// What there is in the schema.
struct Catalog {
    schema: String,
    /// The columns of tables, views and whatever else has columns.
    columns: BTreeMap<String, Vec<Found>>,
    primary_keys: BTreeMap<String, Vec<String>>,
    streams: BTreeMap<String, Registered>,
}

/// Makes the schema and what is missing in it for the streams of a connector. Nothing is changed where a table is not
/// theirs. Two programs that do this at once wait for each other.
pub(crate) fn prepare(
    session: &mut Session,
    options: &PostgresOptions,
    connector: &str,
    streams: &[Stream],
) -> Result<Prepared> {
    let schema = &options.schema;
    session.send("BEGIN", Vec::new())?;
    session.send(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        vec![(Box::new(schema.to_owned()), Type::TEXT)],
    )?;
    enter(session, schema)?;
    let existing = owner::check_relations(session, schema, &names(options, streams))?;
    let catalog = Catalog::read(session, schema, &existing)?;
    let version = catalog.version(session, connector)?;
    catalog.check(connector, streams, version)?;
    views::refuse_those_of_others(session, schema, &options.views)?;
    let tables: Result<Vec<_>> = streams.iter().map(|stream| catalog.table(stream)).collect();
    let tables = tables?;
    session
        .batch(&catalog.missing(&tables))
        .context("the tables cannot be made")?;
    register(session, schema, connector, streams)?;
    session.batch("COMMIT")?;
    Ok(Prepared {
        tables,
        refused_closes: catalog.refused_closes(streams),
        version,
    })
}

/// The tables and views that a run of these streams uses.
fn names(options: &PostgresOptions, streams: &[Stream]) -> Vec<String> {
    let own = OWN_TABLES.iter().map(|(name, _, _)| (*name).to_owned());
    let tables = streams.iter().map(|stream| stream.name.clone());
    let views = options.views.iter().map(|(name, _)| name.clone());
    own.chain(tables).chain(views).collect()
}

/// Makes the schema if it is missing.
fn enter(session: &mut Session, schema: &str) -> Result<()> {
    if !owner::check_schema(session, schema)? {
        session.batch(&format!("CREATE SCHEMA {}", quote(schema)))?;
    }
    Ok(())
}

/// Notes whose the tables are. What was noted is read again: a trigger may have dropped it.
fn register(
    session: &mut Session,
    schema: &str,
    connector: &str,
    streams: &[Stream],
) -> Result<()> {
    let names: BTreeSet<_> = streams.iter().map(|stream| &stream.name).collect();
    let names: Vec<_> = names.into_iter().collect();
    let parameters: [Parameter<'_>; 2] = [(&names, Type::TEXT_ARRAY), (&connector, Type::TEXT)];
    let table = qualified(schema, "_streams");
    let answers = session.query_all(&[
        Query {
            sql: &format!(
                "INSERT INTO {table} SELECT name, $2, 0, false, NULL FROM unnest($1) AS name ON CONFLICT DO NOTHING"
            ),
            parameters: &parameters,
        },
        Query {
            sql: &format!("SELECT name FROM {table} WHERE name = ANY($1) AND connector = $2"),
            parameters: &parameters,
        },
    ])?;
    let noted = answers.last().map_or(0, Vec::len);
    ensure_stored("_streams", names.len(), noted)
}

impl Catalog {
    fn table(&self, stream: &Stream) -> Result<Table> {
        let mut table = Table::new(&self.schema, stream)?;
        let existing = self.columns.get(&stream.name);
        table.set_types(|column| {
            let found = existing?.iter().find(|found| found.name == column.name)?;
            ColumnType::of_existing(column.kind, &found.kind)
        });
        if let Some(registered) = self.streams.get(&stream.name) {
            table.snapshot = registered.snapshot;
            table.in_snapshot = registered.in_snapshot;
        }
        Ok(table)
    }

    /// The statements that make what is missing.
    fn missing(&self, tables: &[Table]) -> String {
        let mut statements: Vec<_> = OWN_TABLES
            .iter()
            .filter(|(name, _, _)| !self.columns.contains_key(*name))
            .map(|(_, _, create)| create.replace("{schema}", &quote(&self.schema)))
            .collect();
        for table in tables {
            let Some(found) = self.columns.get(&table.name) else {
                statements.push(table.create_statement());
                continue;
            };
            let gained = table
                .columns
                .iter()
                .filter(|column| !found.iter().any(|found| found.name == column.name));
            statements.extend(gained.map(|column| table.add_statement(column)));
        }
        statements.join("; ")
    }

    fn refused_closes(&self, streams: &[Stream]) -> BTreeMap<String, i64> {
        let refused = streams.iter().filter_map(|stream| {
            let snapshot = self.streams.get(&stream.name)?.refused_close?;
            Some((stream.name.clone(), snapshot))
        });
        refused.collect()
    }
}
