//! Connections and leases in the database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_postgres::{Address, Fence};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Row};

use crate::policy::{Ending, Next, kind_name};
use crate::runner::Report;

/// The task of the queue that runs a connection.
pub const TASK: &str = "run_connection";

/// How often a job is tried whose handler fails, which it does only while the database cannot be reached.
const ATTEMPTS: i32 = 1_000;

/// A client that connects again after it lost its connection.
#[derive(Debug, Clone)]
pub struct Store {
    address: Address,
    client: Arc<Mutex<Option<Arc<Client>>>>,
}

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

/// The right to run a connection, until it expires.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The connection.
    pub connection: i64,
    /// Its number.
    pub token: i64,
    /// The connection's name.
    pub name: String,
    /// The connection's configuration with sealed secrets.
    pub config: Value,
    /// Which streams.
    pub streams: Vec<String>,
    /// `full` or `incremental`.
    pub mode: String,
    /// How often.
    pub every: Duration,
    /// Failed runs in a row before this one.
    pub failures: u32,
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Acquired {
    /// It may run.
    Lease(Box<Lease>),
    /// Nothing to do now; another job will come.
    Nothing,
}

impl Store {
    /// A store at this address. It connects when it is used.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            client: Arc::default(),
        }
    }

    /// A connected client.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn client(&self) -> Result<Arc<Client>> {
        let mut kept = self.client.lock().await;
        if let Some(client) = kept.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.address.connect().await?);
        *kept = Some(Arc::clone(&client));
        Ok(client)
    }

    /// Makes the tables of the fleet. Those of the queue are the queue's.
    ///
    /// # Errors
    ///
    /// The database refuses.
    pub async fn migrate(&self) -> Result<()> {
        let sql = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('confluence_fleet', 0)); {} COMMIT",
            include_str!("schema.sql")
        );
        Ok(self.client().await?.batch_execute(&sql).await?)
    }

    /// Adds a connection; its first run is due at once.
    ///
    /// # Errors
    ///
    /// There is one of this name, or the tables are missing.
    pub async fn add(&self, new: &NewConnection) -> Result<i64> {
        let client = self.client().await?;
        let every = i64::try_from(new.every.as_secs())?;
        let sql = format!(
            "WITH added AS (
                 INSERT INTO confluence_fleet.connections (name, config, site, streams, mode, every_s)
                 VALUES ($1, $2::text::jsonb, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING *)
             SELECT c.id, {} FROM added AS c",
            add_job("c")
        );
        let config = new.config.to_string();
        let added = client
            .query_opt(
                &sql,
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
        let added = added
            .context("the connection cannot be added; has `confluence-fleet migrate` been run?")?;
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
        self.change(sql, name).await
    }

    /// Resumes a connection, which is due at once.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub async fn resume(&self, name: &str) -> Result<()> {
        let sql = format!(
            "WITH c AS (
                 UPDATE confluence_fleet.connections
                 SET paused = false, pause_reason = NULL, failures = 0, next_due = now() WHERE name = $1 RETURNING *)
             SELECT {} FROM c",
            add_job("c")
        );
        self.change(&sql, name).await
    }

    /// Forgets a connection. The rows that it delivered stay.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub async fn remove(&self, name: &str) -> Result<()> {
        self.change(
            "DELETE FROM confluence_fleet.connections WHERE name = $1",
            name,
        )
        .await
    }

    async fn change(&self, sql: &str, name: &str) -> Result<()> {
        let changed = self.client().await?.execute(sql, &[&name]).await?;
        anyhow::ensure!(changed > 0, "there is no connection {name:?}");
        Ok(())
    }

    /// Takes the lease of a connection that is due, if nobody else holds it and its site has room. Whoever held it
    /// before and let it expire is disconnected: it may be stopped in the middle of a transaction, whose locks would
    /// be in the way.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn acquire(
        &self,
        connection: i64,
        worker: &str,
        lease: Duration,
        runs_by_site: i64,
    ) -> Result<Acquired> {
        let client = self.client().await?;
        let expired = "SELECT pg_terminate_backend(pid) FROM confluence_fleet.connections AS c, pg_stat_activity
                       WHERE c.id = $1 AND c.lease_until < now()
                         AND application_name = 'confluence-fleet ' || c.id || '/' || c.lease_token";
        client.query(expired, &[&connection]).await?;
        let milliseconds = f64::from(u32::try_from(lease.as_millis())?);
        let take = "SELECT id, lease_token, name, config::text, streams, mode, every_s, failures
                    FROM confluence_fleet.acquire($1, $2, $3, $4)";
        let taken = client
            .query_opt(take, &[&connection, &worker, &milliseconds, &runs_by_site])
            .await;
        taken?.map_or(Ok(Acquired::Nothing), |row| {
            Ok(Acquired::Lease(Box::new(lease_of(&row)?)))
        })
    }

    /// Renews a lease; false if it is no longer this one.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool> {
        let sql = "UPDATE confluence_fleet.connections SET lease_until = now() + $3 * interval '1 millisecond'
                   WHERE id = $1 AND lease_token = $2";
        let milliseconds = f64::from(u32::try_from(lease.as_millis())?);
        let client = self.client().await?;
        Ok(client
            .execute(sql, &[&held.connection, &held.token, &milliseconds])
            .await?
            > 0)
    }

    /// Notes the end of a run, gives the lease back and schedules the next run, in one statement. Nothing happens if
    /// the lease is no longer this one. A connection of the same site that waited for room is woken.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn finish(&self, held: &Lease, report: &Report, next: Next) -> Result<bool> {
        let sql = format!(
            "WITH c AS (
                 UPDATE confluence_fleet.connections
                 SET lease_until = NULL, lease_worker = NULL, paused = paused OR $3::float8 IS NULL,
                     pause_reason = CASE WHEN $3::float8 IS NULL THEN $5 || ': ' || coalesce($6, '') ELSE pause_reason END,
                     next_due = now() + coalesce($3, 0) * interval '1 millisecond',
                     failures = CASE WHEN $5 = '' THEN 0 WHEN $5 = 'handed_on' THEN failures ELSE failures + 1 END,
                     succeeded_at = CASE WHEN $5 = '' THEN now() ELSE succeeded_at END
                 WHERE id = $1 AND lease_token = $2 RETURNING *),
             noted AS (
                 UPDATE confluence_fleet.runs AS r
                 SET finished_at = clock_timestamp(), outcome = $5, message = $6, rows = $7, requests = $8, cpu_ms = $4
                 FROM c WHERE r.connection = c.id AND r.token = $2),
             due AS (
                 SELECT c.* FROM c WHERE NOT paused
                 UNION ALL
                 (SELECT w.* FROM confluence_fleet.connections AS w JOIN c ON w.site = c.site AND w.id <> c.id
                  WHERE NOT w.paused AND w.next_due <= now() AND (w.lease_until IS NULL OR w.lease_until < now())
                  ORDER BY w.next_due LIMIT 1))
             SELECT (SELECT count(*) FROM c), count({}) FROM due",
            add_job("due")
        );
        let after = match next {
            Next::RunAfter(after) => Some(f64::from(
                u32::try_from(after.as_millis()).unwrap_or(u32::MAX),
            )),
            Next::Pause => None,
        };
        let outcome = outcome(&report.ending);
        let [cpu, rows, requests] = [
            u64::try_from(report.cpu.as_millis())?,
            report.rows,
            report.requests,
        ]
        .map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
            &held.connection,
            &held.token,
            &after,
            &cpu,
            &outcome,
            &report.message,
            &rows,
            &requests,
        ];
        let done = self.client().await?.query_one(&sql, &parameters).await?;
        Ok(done.get::<_, i64>(0) > 0)
    }

    /// Makes jobs for connections that are due and have none: those that wait for room at their site, and those whose
    /// job was lost.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn enqueue_overdue(&self, lease: Duration) -> Result<u64> {
        let sql = format!(
            "SELECT {} FROM confluence_fleet.connections AS c
             WHERE NOT paused AND next_due < now() - $1 * interval '1 millisecond'
               AND (lease_until IS NULL OR lease_until < now())
               AND NOT EXISTS (SELECT FROM graphile_worker._private_jobs AS j
                               WHERE j.key = 'connection:' || c.id AND j.locked_at IS NULL)
             ORDER BY next_due LIMIT 200",
            add_job("c")
        );
        let milliseconds = f64::from(u32::try_from(lease.as_millis())?);
        Ok(self
            .client()
            .await?
            .query(&sql, &[&milliseconds])
            .await?
            .len() as u64)
    }
}

/// The call that adds the job of a connection, or moves the one that it has.
fn add_job(connection: &str) -> String {
    format!(
        "(graphile_worker.add_job('{TASK}', json_build_object('connection', {connection}.id), NULL, \
         {connection}.next_due, {ATTEMPTS}, 'connection:' || {connection}.id)).id"
    )
}

fn outcome(ending: &Ending) -> &'static str {
    match ending {
        Ending::Succeeded => "",
        Ending::HandedOn => "handed_on",
        Ending::Failed { kind, .. } => kind_name(*kind),
    }
}

fn lease_of(row: &Row) -> Result<Lease> {
    let seconds = u64::try_from(row.get::<_, i64>(6))?;
    Ok(Lease {
        connection: row.get(0),
        token: row.get(1),
        name: row.get(2),
        config: serde_json::from_str(row.get(3))?,
        streams: row.get(4),
        mode: row.get(5),
        every: Duration::from_secs(seconds),
        failures: u32::try_from(row.get::<_, i64>(7)).unwrap_or(u32::MAX),
    })
}

impl Lease {
    /// The check for the transaction of each checkpoint. It also counts the checkpoint, so that the record of the runs
    /// says when each of them wrote.
    #[must_use]
    pub fn fence(&self) -> Fence {
        let statement = "WITH held AS MATERIALIZED (
                SELECT id FROM confluence_fleet.connections WHERE id = $1 AND lease_token = $2 FOR SHARE)
            UPDATE confluence_fleet.runs SET checkpoints = checkpoints + 1, checkpoint_at = clock_timestamp()
            FROM held WHERE connection = held.id AND token = $2 RETURNING 1";
        Fence {
            statement: statement.to_owned(),
            parameters: vec![self.connection, self.token],
        }
    }

    /// The name of the run's session in the database.
    #[must_use]
    pub fn session(&self) -> String {
        format!("confluence-fleet {}/{}", self.connection, self.token)
    }

    /// The schema that the rows go to.
    #[must_use]
    pub fn schema(&self) -> String {
        format!("connection_{}", self.connection)
    }
}
