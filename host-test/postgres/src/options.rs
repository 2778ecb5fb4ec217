//! How a schema is written.

use connector_destinations::sqlite::MaxDelete;

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
}
