//! What the server says about a schema.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use tokio_postgres::types::Type;

use super::{Catalog, Found, Registered};
use crate::qualified::qualified;
use crate::session::{Parameter, Query, Session};

const COLUMNS: &str = "
    SELECT relname::text, attname::text, format_type(atttypid, atttypmod)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
    ORDER BY attnum";

const KEYS: &str = "
    SELECT relname::text, attname::text
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    CROSS JOIN unnest(indkey) WITH ORDINALITY AS part(number, place)
    JOIN pg_attribute ON attrelid = indrelid AND attnum = number
    WHERE indisprimary AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
    ORDER BY place";

impl Catalog {
    /// Reads what is in the schema about the tables and views that were found there.
    pub(super) fn read(
        session: &mut Session,
        schema: &str,
        existing: &BTreeSet<String>,
    ) -> Result<Self> {
        let parameters: [Parameter<'_>; 1] = [(&schema, Type::TEXT)];
        let lists = [COLUMNS, KEYS].map(|sql| Query {
            sql,
            parameters: &parameters,
        });
        let mut catalog = Self {
            schema: schema.to_owned(),
            columns: BTreeMap::new(),
            primary_keys: BTreeMap::new(),
            streams: BTreeMap::new(),
        };
        let mut lists = session.query_all(&lists)?.into_iter();
        for row in lists.next().unwrap_or_default() {
            let found = Found {
                name: row.get(1),
                kind: row.get(2),
            };
            catalog.columns.entry(row.get(0)).or_default().push(found);
        }
        for row in lists.next().unwrap_or_default() {
            let key = catalog.primary_keys.entry(row.get(0)).or_default();
            key.push(row.get(1));
        }
        catalog.columns.retain(|name, _| existing.contains(name));
        catalog.check_own_tables()?;
        if catalog.columns.contains_key("_streams") {
            let table = qualified(schema, "_streams");
            let sql = format!(
                "SELECT name, connector, snapshot, in_snapshot, refused_close FROM {table}"
            );
            let streams = session.query(&sql, &[])?;
            let registered = |row: &tokio_postgres::Row| Registered {
                connector: row.get(1),
                snapshot: row.get(2),
                in_snapshot: row.get(3),
                refused_close: row.get(4),
            };
            catalog.streams = streams
                .iter()
                .map(|row| (row.get(0), registered(row)))
                .collect();
        }
        Ok(catalog)
    }

    /// How often the state of a connector was stored.
    pub(super) fn version(&self, session: &mut Session, connector: &str) -> Result<i64> {
        if !self.columns.contains_key("_state") {
            return Ok(0);
        }
        let table = qualified(&self.schema, "_state");
        let sql = format!("SELECT version FROM {table} WHERE connector = $1");
        let version = session.query(&sql, &[(&connector, Type::TEXT)])?;
        Ok(version.first().map_or(0, |row| row.get(0)))
    }
}
