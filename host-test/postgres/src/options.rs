//! How a schema is written.

use std::time::Duration;

use connector_destinations::sqlite::MaxDelete;

use crate::lock::LOCK_TIMEOUT;

/// A check in the transaction of each checkpoint, just before it is committed.
///
/// A worker of a fleet that was taken for dead must not write any more. Its lease is a row of the same database: the
/// statement selects that row by the token that this worker was given, `FOR SHARE`. The lease then cannot change hands
/// before the transaction has ended.
#[derive(Debug, Clone)]
pub struct Fence {
    /// A statement that returns a row if the checkpoint may be committed.
    pub statement: String,
    /// Its parameters, bound as bigint.
    pub parameters: Vec<i64>,
}

/// How a schema is written.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The schema; it is made if it is missing.
    pub schema: String,
    /// How much the close of a snapshot may delete.
    pub max_delete: MaxDelete,
    /// Checked in each checkpoint's transaction.
    pub fence: Option<Fence>,
    /// How long a statement waits for a lock of another session before the run fails; 30 s unless it is changed.
    pub lock_timeout: Duration,
    /// Views to make, by name and statement; those of the same name are replaced. A statement names tables with their
    /// schema: the search path holds `pg_catalog` alone.
    pub views: Vec<(String, String)>,
}

impl PostgresOptions {
    /// Writes into this schema, as usual in all else.
    pub fn new(schema: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            max_delete: MaxDelete::default(),
            fence: None,
            lock_timeout: LOCK_TIMEOUT,
            views: Vec::new(),
        }
    }
}
