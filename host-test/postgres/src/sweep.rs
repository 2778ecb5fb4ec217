//! The end of a snapshot: rows that were not written since its beginning are deleted, unless they are too many.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use connector_destinations::sqlite::{Closing, MaxDelete, RefusedClose, SweepReport};
use tokio_postgres::types::Type;

use crate::qualified::qualified;
use crate::session::{Parameter, Query, Session};
use crate::table::SNAPSHOT;
use connector_destinations::identifier::quote;

/// Deletes the rows of earlier snapshots than these, by stream, from a schema, or remembers that it was refused.
pub(crate) fn close(
    session: &mut Session,
    schema: &str,
    snapshots: &BTreeMap<String, i64>,
    closing: Closing,
    max_delete: MaxDelete,
    report: &SweepReport,
) -> Result<()> {
    let counts = count(session, schema, snapshots)?;
    for ((name, snapshot), RefusedClose { rows, of }) in snapshots.iter().zip(counts) {
        if max_delete.allows(rows, of) {
            if rows > 0 {
                let table = qualified(schema, name);
                let sql = format!("DELETE FROM {table} WHERE {} < $1", quote(SNAPSHOT));
                session.send(&sql, vec![(Box::new(*snapshot), Type::INT8)])?;
            }
            remember(session, schema, name, None)?;
            report.add_swept(name, rows);
        } else {
            remember(session, schema, name, Some(*snapshot))?;
            report.add_refused(name, RefusedClose { rows, of }, closing);
        }
    }
    Ok(())
}

/// The rows of earlier snapshots, and all rows, of each stream.
fn count(
    session: &mut Session,
    schema: &str,
    snapshots: &BTreeMap<String, i64>,
) -> Result<Vec<RefusedClose>> {
    let counts = |(name, snapshot): (&String, &i64)| {
        let sql = format!(
            "SELECT count(*) FILTER (WHERE {} < $1), count(*) FROM {}",
            quote(SNAPSHOT),
            qualified(schema, name)
        );
        (sql, *snapshot)
    };
    let counts: Vec<_> = snapshots.iter().map(counts).collect();
    let parameters: Vec<[Parameter<'_>; 1]> = counts
        .iter()
        .map(|(_, snapshot)| [(snapshot as _, Type::INT8)])
        .collect();
    let queries: Vec<_> = counts
        .iter()
        .zip(&parameters)
        .map(|((sql, _), parameters)| Query { sql, parameters })
        .collect();
    let answers = session.query_all(&queries)?;
    let answer = |rows: Vec<tokio_postgres::Row>| {
        let row = rows.first().context("a count without a row")?;
        Ok(RefusedClose {
            rows: u64::try_from(row.get::<_, i64>(0))?,
            of: u64::try_from(row.get::<_, i64>(1))?,
        })
    };
    answers.into_iter().map(answer).collect()
}

fn remember(session: &mut Session, schema: &str, stream: &str, refused: Option<i64>) -> Result<()> {
    session.store(
        &format!(
            "UPDATE {} SET refused_close = $2 WHERE name = $1",
            qualified(schema, "_streams")
        ),
        vec![
            (Box::new(stream.to_owned()), Type::TEXT),
            (Box::new(refused), Type::INT8),
        ],
        "_streams",
        1,
    )
}
