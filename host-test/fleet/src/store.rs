//! Connections in the database, and their jobs in the queue.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_postgres::Address;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::configuration::check_name;
use crate::lease::{Lease, schema};
use crate::session::{ANSWER, Session};

/// The task of the queue that runs a connection, as `schema.sql` names it too.
pub const TASK: &str = "run_connection";

/// A client that connects again after it lost its connection.
#[derive(Debug, Clone)]
pub struct Store {
    address: Address,
    session: Arc<Mutex<Option<Arc<Session>>>>,
}

/// The name and the configuration of a connection with encrypted secrets.
pub type Sealed = (String, Map<String, Value>);

/// A connection to be added.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Its name, which nobody else has.
    pub name: String,
    /// Its configuration with sealed secrets.
    pub config: Value,
    /// The host whose limits it shares with others.
    pub site: String,
    /// Which streams.
    pub streams: Vec<String>,
    /// `full` or `incremental`.
    pub mode: String,
    /// How often.
    pub every: Duration,
}

impl Store {
    /// A store at this address. It connects when it is used.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            session: Arc::default(),
        }
    }

    /// A connected client.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn client(&self) -> Result<Arc<Session>> {
        // Those who ask while one connects wait for it, and not in turn for a connection of their own.
        let connected = timeout(ANSWER, self.connected()).await;
        connected.context("the database cannot be reached: it does not answer")?
    }

    async fn connected(&self) -> Result<Arc<Session>> {
        let mut kept = self.session.lock().await;
        if let Some(session) = kept.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::open(&self.address).await?);
        *kept = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Names and configurations of connections with encrypted secrets, so many at most.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn sealed(&self, at_most: i64) -> Result<Vec<Sealed>> {
        let sql = "SELECT name, config::text FROM confluence_fleet.connections
                   WHERE jsonb_path_exists(config, '$.**.encrypted') ORDER BY id LIMIT $1";
        let rows = self.client().await?.query(sql, &[&at_most]).await;
        let rows = rows.context("the fleet cannot be read")?;
        let sealed = |row: &Row| Ok((row.get(0), serde_json::from_str(row.get(1))?));
        rows.iter().map(sealed).collect()
    }

    /// Adds a connection; its first run is due at once.
    ///
    /// # Errors
    ///
    /// There is one of this name, the name cannot be one, or the tables are missing.
    pub async fn add(&self, new: &NewConnection) -> Result<i64> {
        check_name(&new.name)?;
        let client = self.client().await?;
        let every = i64::try_from(new.every.as_secs())?;
        let sql = "WITH added AS (
                 INSERT INTO confluence_fleet.connections (name, config, site, streams, mode, every_s)
                 VALUES ($1, $2::text::jsonb, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING *)
             SELECT c.id, confluence_fleet.enqueue(c.id, c.next_due) FROM added AS c";
        let config = new.config.to_string();
        let added = client
            .query_opt(
                sql,
                &[
                    &new.name,
                    &config,
                    &new.site,
                    &new.streams,
                    &new.mode,
                    &every,
                ],
            )
            .await;
        let added = added.context("the connection cannot be added")?;
        let added =
            added.with_context(|| format!("there is a connection {:?} already", new.name))?;
        Ok(added.get(0))
    }

    /// Pauses a connection. A run that is under way ends at its next checkpoint.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub async fn pause(&self, name: &str) -> Result<()> {
        let sql = "UPDATE confluence_fleet.connections
                   SET paused = true, pause_reason = 'by hand', lease_token = lease_token + 1, lease_until = NULL
                   WHERE name = $1";
        self.change(sql, name, &[]).await
    }

    /// Resumes a connection, which is due at once. Until a run of it has succeeded, closes may delete this percentage of a
    /// stream, as usual where it is none.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub async fn resume(&self, name: &str, max_delete: Option<u8>) -> Result<()> {
        let sql = "WITH c AS (
                 UPDATE confluence_fleet.connections
                 SET paused = false, pause_reason = NULL, failures = 0, next_due = now(), max_delete = $2
                 WHERE name = $1 RETURNING *)
             SELECT confluence_fleet.enqueue(id, next_due) FROM c";
        let max_delete = max_delete.map(i16::from);
        self.change(sql, name, &[&max_delete]).await
    }

    /// Forgets a connection. The rows that it delivered stay, in the schema that this returns.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub async fn remove(&self, name: &str) -> Result<String> {
        let sql = "DELETE FROM confluence_fleet.connections WHERE name = $1 RETURNING id";
        let removed = self.client().await?.query_opt(sql, &[&name]).await?;
        let removed = removed.with_context(|| format!("there is no connection {name:?}"))?;
        Ok(schema(removed.get(0)))
    }

    /// Why a lease is no longer this one, for a person; none if it still is.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn why_lost(&self, held: &Lease) -> Result<Option<&'static str>> {
        let sql = "SELECT lease_token, paused FROM confluence_fleet.connections WHERE id = $1";
        let client = self.client().await?;
        let row = client.query_opt(sql, &[&held.connection]).await?;
        Ok(match row {
            None => Some("the connection was removed during this run"),
            Some(row) if row.get::<_, i64>(0) == held.token => None,
            Some(row) if row.get(1) => Some("the connection was paused during this run"),
            Some(_) => Some("the lease went to another worker during this run"),
        })
    }

    /// Changes the connection that the first parameter names.
    async fn change(&self, sql: &str, name: &str, more: &[&(dyn ToSql + Sync)]) -> Result<()> {
        let parameters: Vec<&(dyn ToSql + Sync)> = std::iter::once(&name as _)
            .chain(more.iter().copied())
            .collect();
        let changed = self.client().await?.execute(sql, &parameters).await?;
        anyhow::ensure!(changed > 0, "there is no connection {name:?}");
        Ok(())
    }

    /// Makes jobs for connections that are due and have none: those that wait for room at their site, and those whose
    /// job was lost. A job that failed while the database was away waits longer and longer, so that it is made anew.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn enqueue_overdue(&self, lease: Duration) -> Result<u64> {
        let sql =
            "SELECT confluence_fleet.enqueue(c.id, c.next_due) FROM confluence_fleet.connections AS c
             WHERE NOT paused AND next_due < now() - $1 * interval '1 millisecond'
               AND (lease_until IS NULL OR lease_until < now())
               AND NOT EXISTS (SELECT FROM graphile_worker._private_jobs AS j
                               WHERE j.key = 'connection:' || c.id AND j.locked_at IS NULL AND j.run_at <= now())
             ORDER BY next_due LIMIT 200";
        let milliseconds = f64::from(u32::try_from(lease.as_millis())?);
        Ok(self
            .client()
            .await?
            .query(sql, &[&milliseconds])
            .await?
            .len() as u64)
    }
}
