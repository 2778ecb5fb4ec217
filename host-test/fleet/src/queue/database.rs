//! The queue's way to the database: the address, the TLS and the patience of all else.
//!
//! `graphile_worker` would make its pool of a URL, with TLS of its own: another default, and other authorities than those of
//! the machine or of `sslrootcert`.

use std::time::Duration;

use anyhow::Result;
use connector_postgres::{Address, SEARCH_PATH};
use deadpool_postgres::{Hook, HookError, Manager, Pool};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use graphile_worker::{
    BoxFuture, Database, DatabaseDriver, DbError, DbExecutor, DbParams, DbRow, DbTransaction,
    NotificationStream,
};
use tokio::time::timeout;

use super::listener::Listener;

/// A pool, and who listens for new jobs.
#[derive(Debug)]
struct QueueDatabase {
    pool: TokioPostgresDatabase,
    listener: Listener,
    /// How long an answer may take.
    patience: Duration,
}

/// The database of the queue, with so many connections at most.
///
/// # Errors
///
/// The certificates of the address cannot be read.
pub(super) fn open(address: &Address, connections: usize, patience: Duration) -> Result<Database> {
    let (config, tls) = address.settings()?;
    let manager = Manager::new(config.clone(), tls.clone());
    let pool = Pool::builder(manager).max_size(connections);
    let pool = pool.post_create(Hook::async_fn(|client, _| {
        Box::pin(async move {
            let set = client.batch_execute(SEARCH_PATH).await;
            set.map_err(HookError::Backend)
        })
    }));
    let pool = pool.build()?;
    Ok(Database::new(QueueDatabase {
        pool: TokioPostgresDatabase::new(pool),
        listener: Listener::new(config, tls),
        patience,
    }))
}

impl QueueDatabase {
    async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        if let Ok(answer) = timeout(self.patience, statement).await {
            return answer;
        }
        // A connection that says nothing would keep the next statement waiting as well.
        self.pool.pool().retain(|_, _| false);
        Err(DbError::new(format!(
            "the database does not answer: nothing came within {} s",
            self.patience.as_secs()
        )))
    }
}

impl DbExecutor for QueueDatabase {
    fn execute<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<u64, DbError>> {
        Box::pin(self.answer(self.pool.execute(sql, params)))
    }

    fn fetch_all<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<Vec<DbRow>, DbError>> {
        Box::pin(self.answer(self.pool.fetch_all(sql, params)))
    }
}

impl DatabaseDriver for QueueDatabase {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn begin(&self) -> BoxFuture<'_, Result<DbTransaction, DbError>> {
        Box::pin(self.answer(self.pool.begin()))
    }

    fn listen<'a>(
        &'a self,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Option<NotificationStream>, DbError>> {
        Box::pin(async move { Ok(Some(self.listener.clone().listen(channel))) })
    }
}
