//! Columns that become wider for a number that they cannot hold.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use connector_destinations::identifier::quote;

use super::{Table, upsert_statement};
use crate::session::Session;
use crate::value::Cell;

impl Table {
    /// The columns that cannot hold their value of one of these rows, each row in the order of these columns.
    pub(crate) fn too_narrow<'a>(
        &self,
        columns: &[usize],
        rows: impl IntoIterator<Item = &'a Vec<Cell>>,
    ) -> BTreeSet<usize> {
        let cells = rows.into_iter().flat_map(|row| columns.iter().zip(row));
        let narrow = cells.filter(|(position, cell)| {
            let column = self.columns.get(**position);
            column.is_some_and(|column| !column.stored_as.holds(cell))
        });
        narrow.map(|(position, _)| *position).collect()
    }

    /// Gives columns the type that holds every number of their kind.
    pub(crate) fn widen(&mut self, session: &mut Session, columns: &BTreeSet<usize>) -> Result<()> {
        for position in columns {
            let Some(column) = self.columns.get_mut(*position) else {
                continue;
            };
            column.stored_as = column.stored_as.widened();
            let sql = format!(
                "ALTER TABLE {} ALTER COLUMN {} TYPE {}",
                self.qualified,
                quote(&column.name),
                column.stored_as.name()
            );
            session.batch(&sql).with_context(|| {
                format!(
                    "the column {:?} of stream {:?} has to become {} for a number beyond 2^63 - 1; a view that uses \
                     it has to be dropped first and made anew afterwards",
                    column.name,
                    self.name,
                    column.stored_as.name()
                )
            })?;
        }
        self.upsert = upsert_statement(&self.qualified, &self.columns, &self.primary_key);
        Ok(())
    }
}
