//! What runs a connection: the seam between the queue and the connector.

use std::time::Duration;

use connector_postgres::Fence;
use connector_runtime::CancellationToken;
use connector_runtime::request_permits::RequestPermits;

use crate::lease::Lease;
use crate::policy::Ending;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// For a person, if it failed.
    pub message: Option<String>,
    /// Rows delivered.
    pub rows: u64,
    /// Requests sent.
    pub requests: u64,
    /// Of the processor.
    pub cpu: Duration,
    /// Bytes of the component's memory at most; 0 where it is not known.
    pub memory: u64,
    /// How long it waited because the service asked for it.
    pub waited: Duration,
}

/// A run to be made.
#[derive(Debug, Clone)]
pub struct Order {
    /// The connection, and the number of its lease.
    pub lease: Lease,
    /// Checked in the transaction of each checkpoint.
    pub fence: Fence,
    /// The name of the run's session in the database, by which a new holder of the lease ends it.
    pub session: String,
    /// Requests that may be in flight; how many they are changes while it runs.
    pub permits: RequestPermits,
    /// Cancelled when the worker stops or loses the lease.
    pub cancellation: CancellationToken,
}

/// Runs connections.
pub trait Runner: Send + Sync + 'static {
    /// Runs one, until its end or until it is cancelled. It never panics.
    fn run(&self, order: Order) -> impl Future<Output = Report> + Send;
}
