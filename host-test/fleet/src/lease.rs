//! Leases: the right to run a connection, with a fencing token that no checkpoint passes without.

use std::time::Duration;

use anyhow::Result;
use connector_postgres::Fence;
use serde_json::Value;
use tokio_postgres::Row;

use crate::policy::Next;
use crate::runner::Report;
use crate::store::Store;

/// The longest time until the next run, whatever a service asks for: a hundred years, which PostgreSQL can add to a time.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// The right to run a connection, until it expires.
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// The percentage of a stream that a close may delete, where a person has said so for this run.
    pub max_delete: Option<u8>,
    /// Failed runs in a row before this one.
    pub failures: u32,
    /// Requests in flight that the run may have.
    pub permits: usize,
    /// How long after it was due the run began.
    pub lag: Duration,
}

/// What all connections of one site share, over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteLimit {
    /// Requests in flight.
    pub requests: u32,
    /// Runs at once, so that a site with many connections leaves the workers to others too.
    pub runs: u32,
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
    /// Takes the lease of a connection that is due, if nobody else holds it and its site has room. Whoever held it
    /// before and has not finished is disconnected: it may be stopped in the middle of a transaction, whose locks would
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
        site: SiteLimit,
    ) -> Result<Acquired> {
        let client = self.client().await?;
        let milliseconds = f64::from(u32::try_from(lease.as_millis())?);
        let [requests, runs] = site.parameters();
        let acquire = client.prepared(ACQUIRE).await?;
        let taken = client
            .query_opt(
                &acquire,
                &[&connection, &worker, &milliseconds, &requests, &runs],
            )
            .await;
        taken?.map_or(Ok(Acquired::Nothing), |row| {
            Ok(Acquired::Lease(Box::new(lease_of(&row)?)))
        })
    }

    /// Renews a lease whose run has so many requests in flight at most, and returns how many it may have from now on;
    /// none if the lease is no longer this one. Where others wait for room at the site, that is less than before.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn renew(
        &self,
        held: &Lease,
        lease: Duration,
        in_use: usize,
        site: SiteLimit,
    ) -> Result<Option<usize>> {
        let milliseconds = f64::from(u32::try_from(lease.as_millis())?);
        let (in_use, [requests, runs]) = (i64::try_from(in_use)?, site.parameters());
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
            &held.connection,
            &held.token,
            &milliseconds,
            &in_use,
            &requests,
            &runs,
        ];
        let client = self.client().await?;
        let renew = client.prepared(RENEW).await?;
        let renewed = client.query_opt(&renew, &parameters).await?;
        let share = renewed.map(|row| usize::try_from(row.get::<_, i64>(0)));
        Ok(share.transpose()?)
    }

    /// Notes the end of a run, gives the lease back and schedules the next run, in one statement. Nothing happens if
    /// the lease is no longer this one. Connections of the same site that waited for room are woken.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn finish(&self, held: &Lease, report: &Report, next: Next) -> Result<bool> {
        let after = match next {
            Next::RunAfter(after) => Some(after.min(LONGEST).as_secs_f64()),
            Next::Pause => None,
        };
        let outcome = report.ending.outcome();
        // PostgreSQL stores NUL in no text, and a run whose end cannot be noted would be repeated.
        let message = report.message.as_deref();
        let message = message.map(|text| text.replace('\0', "\u{FFFD}"));
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
            &message,
            &rows,
            &requests,
        ];
        let client = self.client().await?;
        let finish = client.prepared(FINISH).await?;
        let done = client.query_one(&finish, &parameters).await?;
        Ok(done.get::<_, i64>(0) > 0)
    }
}

const ACQUIRE: &str = "
    SELECT id, lease_token, name, config::text, streams, mode, every_s, failures, permits,
        extract(epoch FROM clock_timestamp() - next_due)::float8, max_delete
    FROM confluence_fleet.acquire($1, $2, $3, $4, $5)";

const RENEW: &str = "SELECT * FROM confluence_fleet.renew($1, $2, $3, $4, $5, $6)";

/// Gives a lease back, notes the run, and forgets runs that lie more than a hundred leases back. Makes the next job of this
/// connection, and jobs for connections of the same site that wait for the requests that it may no longer have in flight.
const FINISH: &str = "
    WITH c AS (
        UPDATE confluence_fleet.connections
        SET lease_until = NULL, lease_worker = NULL, paused = paused OR $3::float8 IS NULL,
            pause_reason = CASE WHEN $3::float8 IS NULL THEN $5 || ': ' || coalesce($6, '') ELSE pause_reason END,
            next_due = now() + coalesce($3, 0) * interval '1 second',
            failures = CASE WHEN $5 = '' THEN 0 WHEN $5 = 'handed_on' THEN failures ELSE failures + 1 END,
            succeeded_at = CASE WHEN $5 = '' THEN now() ELSE succeeded_at END,
            max_delete = CASE WHEN $5 = '' THEN NULL ELSE max_delete END
        WHERE id = $1 AND lease_token = $2 RETURNING *),
    noted AS (
        UPDATE confluence_fleet.runs AS r
        SET finished_at = clock_timestamp(), outcome = $5, message = $6, rows = $7, requests = $8, cpu_ms = $4
        FROM c WHERE r.connection = c.id AND r.token = $2),
    forgotten AS (
        DELETE FROM confluence_fleet.runs AS r USING c WHERE r.connection = c.id AND r.token <= $2 - 100),
    due AS (
        SELECT id, next_due FROM c WHERE NOT paused
        UNION ALL
        SELECT w.id, w.next_due FROM c, confluence_fleet.waiting(c.site, c.permits) AS w
        WHERE w.id <> c.id AND NOT confluence_fleet.is_enqueued(w.id))
    SELECT (SELECT count(*) FROM c), count(confluence_fleet.enqueue(id, next_due)) FROM due";

fn lease_of(row: &Row) -> Result<Lease> {
    let seconds = u64::try_from(row.get::<_, i64>(6))?;
    let max_delete = row.get::<_, Option<i16>>(10);
    Ok(Lease {
        connection: row.get(0),
        token: row.get(1),
        name: row.get(2),
        config: serde_json::from_str(row.get(3))?,
        streams: row.get(4),
        mode: row.get(5),
        every: Duration::from_secs(seconds),
        failures: u32::try_from(row.get::<_, i64>(7)).unwrap_or(u32::MAX),
        permits: usize::try_from(row.get::<_, i64>(8))?,
        lag: Duration::try_from_secs_f64(row.get(9)).unwrap_or_default(),
        max_delete: max_delete.and_then(|percent| u8::try_from(percent).ok()),
    })
}

impl SiteLimit {
    fn parameters(self) -> [i64; 2] {
        [self.requests.into(), self.runs.into()]
    }
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
        schema(self.connection)
    }
}

/// The schema that the rows of a connection go to.
pub(crate) fn schema(connection: i64) -> String {
    format!("connection_{connection}")
}
