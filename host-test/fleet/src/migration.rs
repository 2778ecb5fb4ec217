//! The schema of the fleet: whether it is there, whether something is in its way, and making it.

use anyhow::{Result, anyhow, bail, ensure};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::Store;

impl Store {
    /// Refuses a database in which another program has the schemas of queue or fleet.
    ///
    /// # Errors
    ///
    /// It has.
    pub async fn refuse_tables_of_others(&self) -> Result<()> {
        let sql = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('graphile_worker'))
                AND to_regclass('graphile_worker.migrations') IS NULL";
        let client = self.client().await?;
        ensure!(
            !client.query_one(sql, &[]).await?.get::<_, bool>(0),
            "the schema graphile_worker of this database was made by another program: the queue needs that name; use \
             another database, or rename that schema"
        );
        let sql = "SELECT name FROM (VALUES ('connections', 'lease_token'), ('runs', 'checkpoints')) AS own (name, has)
            WHERE to_regclass('confluence_fleet.' || name) IS NOT NULL AND NOT EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = to_regclass('confluence_fleet.' || name) AND attname = has)";
        if let Some(row) = client.query(sql, &[]).await?.first() {
            bail!(
                "the table confluence_fleet.{} of this database was made by another program; use another database, or \
                 rename that table",
                row.get::<_, &str>(0)
            );
        }
        Ok(())
    }

    /// Makes the schema of the fleet, for which it takes the same rights as for all else.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub async fn make_schema(&self) -> Result<()> {
        self.make("CREATE SCHEMA IF NOT EXISTS confluence_fleet;")
            .await
    }

    /// Makes the tables of the fleet. Those of the queue have to be there.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub async fn migrate(&self) -> Result<()> {
        self.make(include_str!("schema.sql")).await
    }

    async fn make(&self, statements: &str) -> Result<()> {
        let sql = format!(
            "SELECT pg_advisory_xact_lock(hashtextextended('confluence_fleet', 0)); {statements}"
        );
        let made = self.client().await?.migrate(&sql).await;
        made.map_err(|error: Error| {
            let Some(reply) = error.as_db_error() else {
                return error.into();
            };
            let hint = match *reply.code() {
                SqlState::INSUFFICIENT_PRIVILEGE => {
                    "; they need a role that may create schemas in this database"
                }
                SqlState::LOCK_NOT_AVAILABLE => {
                    "; another session uses them, which PostgreSQL's view pg_locks shows"
                }
                _ => "",
            };
            let message = reply.message();
            anyhow!("the tables of the fleet cannot be made: {message}{hint}")
        })
    }

    /// Whether the tables of the fleet are there.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn is_migrated(&self) -> Result<bool> {
        let sql = "SELECT to_regclass('confluence_fleet.connections') IS NOT NULL";
        Ok(self.client().await?.query_one(sql, &[]).await?.get(0))
    }
}
