//! The queue: what a job says, and how `graphile_worker` hands it to a worker.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use connector_postgres::Address;
use graphile_worker::{
    IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions, WorkerRecoveryConfig,
    WorkerShutdownConfig,
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::runner::Runner;
use crate::session::ANSWER;
use crate::store::TASK;
use crate::worker::Shared;

mod database;
mod listener;

/// How long a step of a migration may take.
const MIGRATION: Duration = Duration::from_mins(10);

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
    fn start(&self, connection: i64) -> JoinHandle<Result<()>>;
}

impl<R: Runner> Handler for Arc<Shared<R>> {
    /// On a task of its own: the queue gives handlers up after its grace time, and a run must end by its checkpoint.
    fn start(&self, connection: i64) -> JoinHandle<Result<()>> {
        let shared = Arc::clone(self);
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
        let done = handle.0.start(self.connection).await;
        done.map_err(|error| error.to_string())?
            .map_err(|error| format!("{error:#}"))
    }
}

/// Takes jobs until the worker stops or the database fails.
pub(crate) async fn serve_queue<R: Runner>(shared: &Arc<Shared<R>>) -> Result<()> {
    let settings = &shared.settings;
    let recovery = WorkerRecoveryConfig::default()
        .enabled(true)
        .heartbeat_interval(settings.lease / 3)
        .sweep_interval(settings.lease / 3)
        .sweep_threshold(settings.lease)
        .recovery_delay(Duration::ZERO);
    let stop = shared.stop.clone();
    let shutdown = WorkerShutdownConfig::default()
        .listen_os_shutdown_signals(false)
        // The rest of the time is for giving jobs back.
        .grace_period(settings.grace * 3 / 4)
        .interrupted_job_retry_delay(Duration::ZERO)
        .shutdown_signal(async move { stop.cancelled().await });
    let connections = settings.runs.min(4) + 1;
    let worker = WorkerOptions::default()
        .database(database::open(&settings.address, connections, ANSWER)?)
        .concurrency(settings.runs)
        .poll_interval(Duration::from_secs(2).min(settings.lease))
        .worker_recovery(recovery)
        .worker_shutdown(shutdown)
        .add_extension(Handle(Arc::new(Arc::clone(shared))))
        .define_job::<RunConnection>()
        .init()
        .await?;
    Ok(worker.run().await?)
}

/// Makes the tables of the queue.
///
/// # Errors
///
/// The database cannot be reached, or refuses.
pub async fn migrate(address: &Address) -> Result<()> {
    let options = WorkerOptions::default().database(database::open(address, 1, MIGRATION)?);
    // Its error tells its causes itself.
    let made = options.init().await;
    made.map_err(|error| anyhow!("the tables of the queue cannot be made: {error}"))?;
    Ok(())
}
