//! The end of a snapshot: rows that were not written since its beginning are deleted, unless they are too many.

use anyhow::{Context as _, Result};
use connector_destinations::sqlite::{MaxDelete, RefusedClose, SweepReport};

use crate::identifier::quote;
use crate::session::Session;
use crate::table::{SNAPSHOT, Table};

/// Deletes the rows of earlier snapshots than this one, or remembers that it was refused.
pub(crate) fn close(
    session: &mut Session,
    table: &Table,
    snapshot: i64,
    max_delete: MaxDelete,
    report: &SweepReport,
) -> Result<()> {
    let name = &table.name;
    let (rows, of) = count(session, name, snapshot)?;
    if max_delete.allows(rows, of) {
        let sql = format!("DELETE FROM {} WHERE {} < $1", quote(name), quote(SNAPSHOT));
        session.execute(&sql, &[&snapshot])?;
        remember(session, name, None)?;
        report.add_swept(name, rows);
    } else {
        remember(session, name, Some(snapshot))?;
        report.add_refused(name, RefusedClose { rows, of });
    }
    Ok(())
}

/// The rows of earlier snapshots, and all rows.
fn count(session: &mut Session, table: &str, snapshot: i64) -> Result<(u64, u64)> {
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {} < $1), count(*) FROM {}",
        quote(SNAPSHOT),
        quote(table)
    );
    let counts = session.query(&sql, &[&snapshot])?;
    let counts = counts.first().context("a count without a row")?;
    Ok((
        u64::try_from(counts.get::<_, i64>(0))?,
        u64::try_from(counts.get::<_, i64>(1))?,
    ))
}

fn remember(session: &mut Session, table: &str, refused: Option<i64>) -> Result<()> {
    session.execute(
        "UPDATE _streams SET refused_close = $2 WHERE name = $1",
        &[&table, &refused],
    )?;
    Ok(())
}
