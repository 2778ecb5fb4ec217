//! A worker: takes jobs from the queue, holds leases while runs are under way, and hands them on when it stops.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_postgres::Address;
use connector_runtime::CancellationToken;
use connector_runtime::request_permits::RequestPermits;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::lease::{Acquired, Lease, SiteLimit};
use crate::metrics::Metrics;
use crate::policy::{Ending, decide};
use crate::queue::serve_queue;
use crate::runner::{Order, Report, Runner};
use crate::store::Store;

mod log;

/// How long to wait before the queue is used again after the database failed.
const RECONNECT: Duration = Duration::from_millis(500);

/// How long lies between two warnings of a database that is away.
const WARNINGS: Duration = Duration::from_secs(30);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The database of the queue.
    pub address: Address,
    /// The worker's name in the records.
    pub name: String,
    /// Runs at once.
    pub runs: usize,
    /// How long a lease lasts unless it is renewed, which happens three times as often.
    pub lease: Duration,
    /// What connections of one site share. It has to be the same for every worker.
    pub site: SiteLimit,
    /// How long runs may take to end when the worker stops.
    pub grace: Duration,
}

/// What the handlers of one worker share.
pub(crate) struct Shared<R> {
    store: Store,
    runner: R,
    pub(crate) settings: WorkerSettings,
    metrics: Metrics,
    pub(crate) stop: CancellationToken,
    /// A permit for each run that may be under way.
    running: Semaphore,
}

/// Works until `stop` is cancelled, and then until its runs have ended or the time for that is over, whatever the database
/// does. When the database fails it waits and goes on.
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
    let grace_is_over = async {
        stop.cancelled().await;
        sleep(shared.settings.grace).await;
    };
    tokio::select! {
        () = serve(&shared) => {}
        () = grace_is_over => tracing::warn!(
            "this worker ends although not all of its runs have: another one goes on with them once their leases have \
             expired; if the database does not answer, that is why"
        ),
    }
    overdue.abort();
    Ok(())
}

/// Serves the queue until the worker stops, and then until its runs have ended.
async fn serve<R: Runner>(shared: &Arc<Shared<R>>) {
    let mut warned_at: Option<Instant> = None;
    while !shared.stop.is_cancelled() {
        if let Err(error) = serve_queue(shared).await {
            // It is tried much more often than it is worth a line.
            if warned_at.is_none_or(|at| at.elapsed() > WARNINGS) {
                warned_at = Some(Instant::now());
                tracing::warn!("the queue cannot be used, trying again: {error:#}");
            }
            tokio::select! {
                () = sleep(RECONNECT) => {}
                () = shared.stop.cancelled() => {}
            }
        }
    }
    // The queue may have given handlers up; their runs end by the same signal.
    let all = shared.settings.runs.try_into().unwrap_or(u32::MAX);
    let _ = shared.running.acquire_many(all).await;
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
    /// Runs a connection if it is due and nobody else does.
    pub(crate) async fn handle(&self, connection: i64) -> Result<()> {
        if self.stop.is_cancelled() {
            anyhow::bail!("this worker stops");
        }
        let _permit = self.running.acquire().await?;
        let settings = &self.settings;
        let begun = Instant::now();
        let acquired =
            self.store
                .acquire(connection, &settings.name, settings.lease, settings.site);
        match acquired.await? {
            Acquired::Nothing => Ok(()),
            Acquired::Lease(lease) => self.run(*lease, begun + settings.lease).await,
        }
    }

    /// Runs a connection whose lease lasts until an instant, and renews it meanwhile.
    async fn run(&self, lease: Lease, expires_at: Instant) -> Result<()> {
        let cancellation = self.stop.child_token();
        let permits = RequestPermits::new(lease.permits);
        permits.set(lease.permits, expires_at);
        let order = Order {
            fence: lease.fence(),
            session: lease.session(),
            lease: lease.clone(),
            permits: permits.clone(),
            cancellation: cancellation.clone(),
        };
        self.metrics.begin(lease.lag);
        let mut report = tokio::select! {
            report = self.runner.run(order) => report,
            never = self.keep(&lease, &permits, &cancellation) => match never {},
        };
        if report.ending != Ending::Succeeded
            && let Ok(Some(why)) = self.store.why_lost(&lease).await
        {
            report.message = Some(why.to_owned());
        }
        if self.stop.is_cancelled() && report.ending != Ending::Succeeded {
            report.ending = Ending::HandedOn;
        }
        self.metrics.end(&lease, &report);
        log::run(&lease, &report);
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
        let begun = Instant::now();
        loop {
            match self.store.finish(lease, report, next).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    let why = self.store.why_lost(lease).await.ok().flatten();
                    let why = why.unwrap_or("the lease was lost during this run");
                    if report.message.as_deref() != Some(why) {
                        tracing::warn!(connection = lease.name, "{why}");
                    }
                    return Ok(());
                }
                Err(error) if begun.elapsed() > self.settings.lease => {
                    return Err(error).context("the end of a run cannot be noted");
                }
                Err(_) => sleep(RECONNECT).await,
            }
        }
    }

    /// Renews the lease until the run has ended, and lets it have as many requests in flight as each renewal says. A
    /// lease that is lost cancels the run, and so does one that could not be renewed for as long as it lasts: another
    /// worker may have it by then.
    async fn keep(
        &self,
        lease: &Lease,
        permits: &RequestPermits,
        cancellation: &CancellationToken,
    ) -> std::convert::Infallible {
        let WorkerSettings {
            lease: lasts, site, ..
        } = self.settings;
        let mut expires_at = Instant::now() + lasts;
        sleep(lasts / 3).await;
        loop {
            let (begun, in_use) = (Instant::now(), permits.in_use());
            match self.store.renew(lease, lasts, in_use, site).await {
                Ok(Some(share)) => {
                    expires_at = begun + lasts;
                    permits.set(share, expires_at);
                    if share < in_use {
                        // Others wait for what this run gives back.
                        let _ = timeout(lasts / 3, permits.settled()).await;
                        continue;
                    }
                }
                Ok(None) => {
                    permits.set(0, begun);
                    cancellation.cancel();
                }
                Err(_) if Instant::now() > expires_at => cancellation.cancel(),
                Err(_) => {}
            }
            sleep(lasts / 3).await;
        }
    }
}
