//! A worker: takes jobs from the queue, holds leases while runs are under way, and hands them on when it stops.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_runtime::CancellationToken;
use graphile_worker::{
    IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions, WorkerRecoveryConfig,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::metrics::Metrics;
use crate::policy::{Ending, decide};
use crate::runner::{Order, Report, Runner};
use crate::store::{Acquired, Lease, Store, TASK};

/// How long to wait before the queue is used again after the database failed.
const RECONNECT: Duration = Duration::from_millis(500);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The database of the queue.
    pub url: String,
    /// The worker's name in the records.
    pub name: String,
    /// Runs at once.
    pub runs: usize,
    /// How long a lease lasts unless it is renewed, which happens three times as often.
    pub lease: Duration,
    /// Runs at once of connections that share a site, over all workers.
    pub runs_by_site: i64,
    /// How long runs may take to end when the worker stops.
    pub grace: Duration,
}

/// What the handlers of one worker share.
struct Shared<R> {
    store: Store,
    runner: R,
    settings: WorkerSettings,
    metrics: Metrics,
    stop: CancellationToken,
    /// A permit for each run that may be under way.
    running: Semaphore,
}

/// A job of the queue: which connection to look at.
#[derive(Debug, Serialize, Deserialize)]
struct RunConnection {
    connection: i64,
}

/// What a handler finds in its context. The queue asks for types without parameters.
#[derive(Clone)]
struct Handle(Arc<dyn Handler>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Handle")
    }
}

trait Handler: Send + Sync {
    fn handle(&self, connection: i64) -> tokio::task::JoinHandle<Result<()>>;
}

struct SharedHandler<R>(Arc<Shared<R>>);

impl<R: Runner> Handler for SharedHandler<R> {
    /// On a task of its own: the queue gives handlers up after its grace time, and a run must end by its checkpoint.
    fn handle(&self, connection: i64) -> tokio::task::JoinHandle<Result<()>> {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move { shared.handle(connection).await })
    }
}

impl TaskHandler for RunConnection {
    const IDENTIFIER: &'static str = TASK;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let handle = context
            .get_ext::<Handle>()
            .cloned()
            .ok_or("the worker has no handler")?;
        let done = handle.0.handle(self.connection).await;
        done.map_err(|error| error.to_string())?
            .map_err(|error| format!("{error:#}"))
    }
}

/// Works until `stop` is cancelled, and then until its runs have ended. When the database fails it waits and goes on.
///
/// # Errors
///
/// None; the database may come back.
pub async fn work<R: Runner>(
    settings: WorkerSettings,
    store: Store,
    runner: R,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<()> {
    let running = Semaphore::new(settings.runs);
    let shared = Arc::new(Shared {
        store,
        runner,
        settings,
        metrics,
        stop: stop.clone(),
        running,
    });
    let overdue = tokio::spawn(enqueue_overdue(Arc::clone(&shared)));
    while !stop.is_cancelled() {
        if let Err(error) = serve_queue(&shared).await {
            tracing::warn!("the queue cannot be used, trying again: {error:#}");
            tokio::select! {
                () = sleep(RECONNECT) => {}
                () = stop.cancelled() => {}
            }
        }
    }
    overdue.abort();
    // The queue may have given handlers up; their runs end by the same signal.
    let all = shared.settings.runs.try_into().unwrap_or(u32::MAX);
    let _ = timeout(shared.settings.grace, shared.running.acquire_many(all)).await;
    Ok(())
}

async fn serve_queue<R: Runner>(shared: &Arc<Shared<R>>) -> Result<()> {
    let settings = &shared.settings;
    let recovery = WorkerRecoveryConfig::default()
        .enabled(true)
        .heartbeat_interval(settings.lease / 3)
        .sweep_interval(settings.lease / 3)
        .sweep_threshold(settings.lease)
        .recovery_delay(Duration::ZERO);
    let stop = shared.stop.clone();
    let shutdown = graphile_worker::WorkerShutdownConfig::default()
        .listen_os_shutdown_signals(false)
        .grace_period(settings.grace)
        .interrupted_job_retry_delay(Duration::ZERO)
        .shutdown_signal(async move { stop.cancelled().await });
    let worker = WorkerOptions::default()
        .database_url(&settings.url)
        .max_pg_conn(u32::try_from(settings.runs.min(4))? + 1)
        .concurrency(settings.runs)
        .poll_interval(Duration::from_secs(2).min(settings.lease))
        .worker_recovery(recovery)
        .worker_shutdown(shutdown)
        .add_extension(Handle(Arc::new(SharedHandler(Arc::clone(shared)))))
        .define_job::<RunConnection>()
        .init()
        .await?;
    Ok(worker.run().await?)
}

/// Looks for connections without a job, once in the time of a lease.
async fn enqueue_overdue<R: Runner>(shared: Arc<Shared<R>>) {
    let mut ticks = interval(shared.settings.lease);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = shared.store.enqueue_overdue(shared.settings.lease).await {
            tracing::warn!("overdue connections cannot be looked for: {error:#}");
        }
    }
}

impl<R: Runner> Shared<R> {
    async fn handle(&self, connection: i64) -> Result<()> {
        if self.stop.is_cancelled() {
            anyhow::bail!("this worker stops");
        }
        let _permit = self.running.acquire().await?;
        let settings = &self.settings;
        let acquired = self.store.acquire(
            connection,
            &settings.name,
            settings.lease,
            settings.runs_by_site,
        );
        match acquired.await? {
            Acquired::Nothing => Ok(()),
            Acquired::Lease(lease) => self.run(*lease).await,
        }
    }

    async fn run(&self, lease: Lease) -> Result<()> {
        let cancellation = self.stop.child_token();
        let order = Order {
            fence: lease.fence(),
            session: lease.session(),
            lease: lease.clone(),
            cancellation: cancellation.clone(),
        };
        self.metrics.begin();
        let mut report = tokio::select! {
            report = self.runner.run(order) => report,
            never = self.keep(&lease, &cancellation) => match never {},
        };
        if self.stop.is_cancelled() && report.ending != Ending::Succeeded {
            report.ending = Ending::HandedOn;
        }
        self.metrics.end(&lease.name, &report);
        log(&lease, &report);
        let next = decide(&report.ending, lease.every, lease.failures);
        self.finish(&lease, &report, next).await
    }

    /// Notes the end, for as long as a lease lasts if the database is away: then another worker takes over.
    async fn finish(
        &self,
        lease: &Lease,
        report: &Report,
        next: crate::policy::Next,
    ) -> Result<()> {
        let begun = tokio::time::Instant::now();
        loop {
            match self.store.finish(lease, report, next).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::warn!(
                        connection = lease.name,
                        "the lease went to another worker during this run"
                    );
                    return Ok(());
                }
                Err(error) if begun.elapsed() > self.settings.lease => {
                    return Err(error).context("the end of a run cannot be noted");
                }
                Err(_) => sleep(RECONNECT).await,
            }
        }
    }

    /// Renews the lease until the run has ended. A lease that is lost cancels the run.
    async fn keep(
        &self,
        lease: &Lease,
        cancellation: &CancellationToken,
    ) -> std::convert::Infallible {
        let mut ticks = interval(self.settings.lease / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if matches!(
                self.store.renew(lease, self.settings.lease).await,
                Ok(false)
            ) {
                cancellation.cancel();
            }
        }
    }
}

/// One line a run.
fn log(lease: &Lease, report: &Report) {
    let kind = match &report.ending {
        Ending::Succeeded => "succeeded",
        Ending::HandedOn => "handed_on",
        Ending::Failed { kind, .. } => crate::policy::kind_name(*kind),
    };
    let milliseconds = u64::try_from(report.cpu.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        connection = lease.name,
        token = lease.token,
        ending = kind,
        rows = report.rows,
        requests = report.requests,
        cpu_ms = milliseconds,
        message = report.message.as_deref().unwrap_or_default(),
    );
}

/// Makes the tables of the queue.
///
/// # Errors
///
/// The database cannot be reached, or refuses.
pub async fn migrate_queue(url: &str) -> Result<()> {
    let options = WorkerOptions::default().database_url(url).max_pg_conn(1);
    options.init().await?;
    Ok(())
}
