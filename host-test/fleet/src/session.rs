//! A connection to the database whose statements are prepared once, and whose answers do not take for ever.
//!
//! The server gives a statement up that waits for a lock. A server that says nothing at all does not even do that: then
//! the client gives up, and does not use this connection again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use connector_postgres::{Address, SEARCH_PATH};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement, ToStatement};

/// How long an answer may take.
pub(crate) const ANSWER: Duration = Duration::from_secs(20);

/// The server gives up before the client does, so that nothing is left under way behind a lock.
const SETTINGS: &str = "SET statement_timeout = '15s'";

/// Parameters of a statement.
type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A client, with the statements that it has prepared.
#[derive(Debug)]
pub struct Session {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    is_silent: AtomicBool,
}

impl Session {
    pub(crate) async fn open(address: &Address) -> Result<Self> {
        let session = Self {
            client: address.connect().await?,
            statements: Mutex::default(),
            is_silent: AtomicBool::new(false),
        };
        session.batch_execute(SEARCH_PATH).await?;
        session.batch_execute(SETTINGS).await?;
        Ok(session)
    }

    /// Whether it can be used no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.is_silent.load(Ordering::Relaxed)
    }

    /// Prepares a statement that each run needs, unless that was done before.
    pub(crate) async fn prepared(&self, sql: &'static str) -> Result<Statement> {
        let statements = || {
            self.statements
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(statement) = statements().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.answer(self.client.prepare(sql)).await?;
        statements().insert(sql, statement.clone());
        Ok(statement)
    }

    /// The rows of a query.
    ///
    /// # Errors
    ///
    /// The database refuses, or does not answer.
    pub async fn query<T>(&self, statement: &T, parameters: Parameters<'_>) -> Result<Vec<Row>>
    where
        T: ?Sized + ToStatement + Sync,
    {
        self.answer(self.client.query(statement, parameters)).await
    }

    /// The only row of a query.
    ///
    /// # Errors
    ///
    /// The database refuses, or does not answer; or there is none, or more than one.
    pub async fn query_one<T>(&self, statement: &T, parameters: Parameters<'_>) -> Result<Row>
    where
        T: ?Sized + ToStatement + Sync,
    {
        self.answer(self.client.query_one(statement, parameters))
            .await
    }

    /// The only row of a query, if there is one.
    ///
    /// # Errors
    ///
    /// The database refuses, or does not answer; or there is more than one.
    pub async fn query_opt<T>(
        &self,
        statement: &T,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>>
    where
        T: ?Sized + ToStatement + Sync,
    {
        self.answer(self.client.query_opt(statement, parameters))
            .await
    }

    /// Runs a statement, and returns how many rows it concerned.
    ///
    /// # Errors
    ///
    /// The database refuses, or does not answer.
    pub async fn execute<T>(&self, statement: &T, parameters: Parameters<'_>) -> Result<u64>
    where
        T: ?Sized + ToStatement + Sync,
    {
        self.answer(self.client.execute(statement, parameters))
            .await
    }

    /// Runs statements that have no parameters.
    ///
    /// # Errors
    ///
    /// The database refuses, or does not answer.
    pub async fn batch_execute(&self, statements: &str) -> Result<()> {
        self.answer(self.client.batch_execute(statements)).await
    }

    /// Runs statements that may take as long as they need, such as making an index, once they have their locks.
    pub(crate) async fn migrate(&self, statements: &str) -> Result<(), Error> {
        let sql = format!(
            "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '15s'; {statements} COMMIT"
        );
        let migrated = self.client.batch_execute(&sql).await;
        if migrated.is_err() {
            // The transaction of a batch that failed is still open.
            let _ = self.batch_execute("ROLLBACK").await;
        }
        migrated
    }

    async fn answer<T>(&self, statement: impl Future<Output = Result<T, Error>>) -> Result<T> {
        let Ok(done) = timeout(ANSWER, statement).await else {
            self.is_silent.store(true, Ordering::Relaxed);
            bail!(
                "the database does not answer: nothing came within {} s",
                ANSWER.as_secs()
            );
        };
        done.map_err(|error| match error.code().and_then(advice) {
            Some(advice) => anyhow::Error::from(error).context(advice),
            None => error.into(),
        })
    }
}

/// What a person should know of an error of the server.
fn advice(code: &SqlState) -> Option<&'static str> {
    let no_table = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::INVALID_SCHEMA_NAME,
    ];
    if no_table.contains(code) {
        return Some(
            "the database has no fleet, or one of an older version; has `confluence-fleet migrate` been run?",
        );
    }
    (*code == SqlState::QUERY_CANCELED).then_some(
        "the database did not carry out a statement in time; another session may have locked the tables of the fleet, \
         which PostgreSQL's view pg_locks shows",
    )
}
