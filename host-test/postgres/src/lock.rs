//! Locks that others hold for so long that a run gives up.

use std::time::Duration;

use anyhow::Result;
use tokio_postgres::types::Type;

use crate::server_error::is_lock_timeout;
use crate::session::Session;

/// How long a statement waits for the locks of other sessions unless the options say otherwise.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// Locks on tables of the schema that keep writers out, and who holds them.
const HOLDERS: &str = "
    SELECT relname::text, mode, pid, coalesce(application_name, '')
    FROM pg_locks JOIN pg_class ON pg_class.oid = relation LEFT JOIN pg_stat_activity USING (pid)
    WHERE granted AND pid <> pg_backend_pid() AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
        AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    ORDER BY mode LIMIT 1";

/// Adds to an error which lock was in the way, where it was a lock.
pub(crate) fn name_holder(
    session: &mut Session,
    schema: &str,
    error: anyhow::Error,
) -> anyhow::Error {
    if !is_lock_timeout(&error) {
        return error;
    }
    match holder(session, schema) {
        Ok(Some(holder)) => error.context(holder),
        Ok(None) | Err(_) => error,
    }
}

fn holder(session: &mut Session, schema: &str) -> Result<Option<String>> {
    session.batch("ROLLBACK")?;
    let found = session.query(HOLDERS, &[(&schema, Type::TEXT)])?;
    Ok(found.first().map(|row| {
        let (table, mode, process): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
        let application: String = row.get(3);
        format!(
            "the process {process} of PostgreSQL ({application:?}) has locked the table {table} ({mode}): end its \
             transaction, or the process with SELECT pg_terminate_backend({process})"
        )
    }))
}
