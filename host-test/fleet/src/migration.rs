//! The schema of the fleet: whether it is there, whether something is in its way, and making it.

use anyhow::{Result, anyhow};
use tokio_postgres::Error;

use crate::store::Store;

impl Store {
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
        made.map_err(|error: Error| match error.as_db_error() {
            Some(reply) => anyhow!(
                "the tables of the fleet cannot be made: {}; they need a role that may create schemas in this database",
                reply.message()
            ),
            None => error.into(),
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
