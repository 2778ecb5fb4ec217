//! Whether a table took what it was given.

use anyhow::{Result, bail};

/// A table took another number of rows than it was given. The server does not regard that as an error.
#[derive(Debug, thiserror::Error)]
#[error(
    "the table {table} took {stored} of {given} rows: a trigger or a rule drops what is written to it; nothing of this \
     checkpoint was written"
)]
pub(crate) struct RowsDropped {
    table: String,
    given: usize,
    stored: usize,
}

/// Fails where a table took another number of rows than it was given.
pub(crate) fn ensure_stored(table: &str, given: usize, stored: usize) -> Result<()> {
    if given != stored {
        bail!(RowsDropped {
            table: table.to_owned(),
            given,
            stored,
        });
    }
    Ok(())
}
