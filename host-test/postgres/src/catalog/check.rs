//! Whether the tables of a schema are those of a connector, in the shape that its streams need.

use anyhow::{Result, bail, ensure};
use connector_destinations::lost_table::LostTable;
use connector_runtime::stream::Stream;

use super::{Catalog, OWN_TABLES, Registered};
use crate::column_type::ColumnType;
use crate::table::SNAPSHOT;

impl Catalog {
    pub(super) fn check_own_tables(&self) -> Result<()> {
        for (name, columns, _) in OWN_TABLES {
            let found = self.columns.get(name);
            ensure!(
                found.is_none_or(|found| found.iter().map(|column| &column.name).eq(columns)),
                "its table {name} was made by another program or another version of this one; use another schema"
            );
        }
        Ok(())
    }

    /// Checks the tables of these streams; the state was stored so often.
    pub(super) fn check(&self, connector: &str, streams: &[Stream], version: i64) -> Result<()> {
        streams.iter().try_for_each(|stream| {
            if self.columns.contains_key(&stream.name) {
                self.check_owner(connector, &stream.name)?;
                self.check_shape(stream)
            } else if version > 0 {
                self.check_never_filled(connector, &stream.name)
            } else {
                Ok(())
            }
        })
    }

    /// Refuses a table that is missing and had a snapshot, which the state takes for delivered.
    fn check_never_filled(&self, connector: &str, name: &str) -> Result<()> {
        let filled = |stream: &Registered| stream.connector == connector && stream.snapshot > 0;
        if self.streams.get(name).is_some_and(filled) {
            bail!(LostTable {
                stream: name.to_owned(),
                connector: connector.to_owned(),
            });
        }
        Ok(())
    }

    fn check_owner(&self, connector: &str, name: &str) -> Result<()> {
        match self.streams.get(name) {
            Some(stream) if stream.connector == connector => Ok(()),
            Some(Registered {
                connector: other, ..
            }) => bail!(
                "its table {name} belongs to the connector {other:?}; use another schema for {connector:?}"
            ),
            None => bail!("its table {name} was made by another program; use another schema"),
        }
    }

    fn check_shape(&self, stream: &Stream) -> Result<()> {
        let name = &stream.name;
        let column = |column: &str| {
            let found = self.columns.get(name)?;
            found.iter().find(|found| found.name == column)
        };
        ensure!(
            column(SNAPSHOT).is_some() && self.primary_keys.get(name) == Some(&stream.primary_key),
            "its table {name} has another primary key than the stream; use another schema"
        );
        for wanted in stream.columns.iter() {
            let other = column(&wanted.name)
                .filter(|found| ColumnType::of_existing(wanted.kind, &found.kind).is_none());
            if let Some(other) = other {
                bail!(
                    "the column {} of its table {name} is of type {}, and the stream's is {}; use another schema",
                    wanted.name,
                    other.kind,
                    ColumnType::of(wanted.kind).name()
                );
            }
        }
        Ok(())
    }
}
