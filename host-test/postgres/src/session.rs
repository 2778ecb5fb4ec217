//! One connection to the server, used from a thread that may block.
//!
//! A thread of the session's own drives the connection. So statements are pipelined: one that nobody waits for is
//! executed by the server while the caller prepares the next one, and its error comes with the next statement that
//! somebody does wait for.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_runtime::secrets::Secrets;
use futures_util::future::try_join_all;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

use crate::address::Address;
use crate::connect::connect;
use crate::qualified::SEARCH_PATH;
use crate::server_error::describe;
use crate::stored::{RowsDropped, ensure_stored};

/// A parameter of a statement, with its type. The types are named so that a statement that is sent once need not be
/// prepared first, which would be a round trip more.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A parameter of a statement that nobody waits for.
pub(crate) type OwnedParameter = (Box<dyn ToSql + Sync + Send>, Type);

/// A statement that returns rows.
pub(crate) struct Query<'a> {
    pub(crate) sql: &'a str,
    pub(crate) parameters: &'a [Parameter<'a>],
}

/// Statements that were sent and that nobody waited for yet, at most: their parameters are in memory.
const MAX_IN_FLIGHT: usize = 8;

/// A table that fills for the first time has no statistics yet; the planner would read all of it for each deletion.
/// Nothing here reads a whole table that has an index for the purpose. Such a cost would also have each statement
/// compiled, which took two thirds of the time of the server. Statements are planned for their parameters: a plan that was
/// made while a table was empty would read all of it for each deletion later on.
const SETTINGS: &str = "SET jit = off; SET enable_seqscan = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_custom_plan";

/// Statements that are kept prepared: those of the tables of one connector.
const MAX_PREPARED: usize = 200;

type InFlight = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A connection, and the executor that drives it.
pub(crate) struct Session {
    /// Taken when the session ends.
    runtime: Option<Runtime>,
    client: Arc<Client>,
    in_flight: VecDeque<InFlight>,
    /// By their text. Parsing them took a sixth of the time of the server.
    prepared: HashMap<String, Statement>,
    /// What no error may repeat.
    secrets: Secrets,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Connects. Blocks the calling thread, which must not be one of an executor.
    pub(crate) fn open(address: &Address, lock_timeout: Duration) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgres")
            .enable_all()
            .build()?;
        let client = runtime.block_on(connect(address))?;
        let mut session = Self {
            runtime: Some(runtime),
            client: Arc::new(client),
            in_flight: VecDeque::new(),
            prepared: HashMap::new(),
            secrets: address.secrets.clone(),
        };
        let milliseconds = lock_timeout.as_millis();
        session.batch(&format!(
            "{SEARCH_PATH}; {SETTINGS}; SET lock_timeout = {milliseconds}"
        ))?;
        Ok(session)
    }

    /// Runs statements that have no parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        let client = Arc::clone(&self.client);
        self.wait_for(client.batch_execute(sql))
    }

    /// Runs a statement and returns its rows.
    pub(crate) fn query(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let client = Arc::clone(&self.client);
        self.wait_for(client.query_typed(sql, parameters))
    }

    /// Runs statements in one round trip and returns the rows of each.
    pub(crate) fn query_all(&mut self, queries: &[Query<'_>]) -> Result<Vec<Vec<Row>>> {
        let client = Arc::clone(&self.client);
        let all = queries
            .iter()
            .map(|query| client.query_typed(query.sql, query.parameters));
        self.wait_for(try_join_all(all))
    }

    /// Sends a statement without waiting for its end, unless too many are under way. It is prepared where it has
    /// parameters: it comes again.
    pub(crate) fn send(&mut self, sql: &str, parameters: Vec<OwnedParameter>) -> Result<()> {
        self.send_checked(sql, parameters, None)
    }

    /// Sends a statement that writes so many rows to a table. Where it reports another number, the next statement that
    /// somebody waits for fails.
    pub(crate) fn store(
        &mut self,
        sql: &str,
        parameters: Vec<OwnedParameter>,
        table: &str,
        rows: usize,
    ) -> Result<()> {
        self.send_checked(sql, parameters, Some((table.to_owned(), rows)))
    }

    fn send_checked(
        &mut self,
        sql: &str,
        parameters: Vec<OwnedParameter>,
        expected: Option<(String, usize)>,
    ) -> Result<()> {
        let client = Arc::clone(&self.client);
        let statement = if parameters.is_empty() {
            None
        } else {
            Some(self.prepare(sql, &parameters)?)
        };
        let (sql, secrets) = (sql.to_owned(), self.secrets.clone());
        let mut sent: InFlight = Box::pin(async move {
            let done = match &statement {
                None => client.execute_typed(&sql, &[]).await,
                Some(statement) => {
                    let values = parameters
                        .iter()
                        .map(|(value, _)| value.as_ref() as &(dyn ToSql + Sync));
                    client.execute(statement, &values.collect::<Vec<_>>()).await
                }
            };
            let stored = done.map_err(|error| refused(error, &secrets))?;
            expected.map_or(Ok(()), |(table, rows)| {
                ensure_stored(&table, rows, usize::try_from(stored)?)
            })
        });
        // The first poll hands the statement to the connection's thread.
        let done = block_on(self.runtime.as_ref(), poll_once(sent.as_mut()))?;
        match done {
            Some(done) => self.closed_if_dropped(done)?,
            None => self.in_flight.push_back(sent),
        }
        while self.in_flight.len() > MAX_IN_FLIGHT
            && let Some(oldest) = self.in_flight.pop_front()
        {
            let done = block_on(self.runtime.as_ref(), oldest)?;
            self.closed_if_dropped(done)?;
        }
        Ok(())
    }

    fn prepare(&mut self, sql: &str, parameters: &[OwnedParameter]) -> Result<Statement> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<_> = parameters.iter().map(|(_, kind)| kind.clone()).collect();
        let client = Arc::clone(&self.client);
        let statement = self.wait_for(client.prepare_typed(sql, &types))?;
        if self.prepared.len() >= MAX_PREPARED {
            self.prepared.clear();
        }
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Sends a statement and waits for it and for all before it. The first error counts: what follows it in the same
    /// transaction fails only because of it.
    fn wait_for<T>(
        &mut self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let in_flight = std::mem::take(&mut self.in_flight);
        let secrets = self.secrets.clone();
        let all = async {
            let mut statement = std::pin::pin!(statement);
            let early = poll_once(statement.as_mut()).await;
            for earlier in in_flight {
                earlier.await?;
            }
            let done = match early {
                Some(done) => done,
                None => statement.await,
            };
            done.map_err(|error| refused(error, &secrets))
        };
        let done = block_on(self.runtime.as_ref(), all)?;
        self.closed_if_dropped(done)
    }

    /// Ends the connection where rows were dropped: to the server their transaction is as good as any, and it must not
    /// be committed.
    fn closed_if_dropped<T>(&mut self, done: Result<T>) -> Result<T> {
        let error = done.as_ref().err();
        if error.is_some_and(anyhow::Error::is::<RowsDropped>) {
            self.close();
        }
        done
    }

    fn close(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Polls a future once.
fn poll_once<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
) -> impl Future<Output = Option<F::Output>> {
    std::future::poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
}

fn refused(error: tokio_postgres::Error, secrets: &Secrets) -> anyhow::Error {
    describe(error.into(), "PostgreSQL refused a statement", secrets)
}

impl Drop for Session {
    /// An executor that is dropped on a thread of another one would panic; this way it does not wait.
    fn drop(&mut self) {
        self.close();
    }
}

fn block_on<F: Future>(runtime: Option<&Runtime>, future: F) -> Result<F::Output> {
    let runtime = runtime.context("the connection to PostgreSQL is closed")?;
    Ok(runtime.block_on(future))
}
