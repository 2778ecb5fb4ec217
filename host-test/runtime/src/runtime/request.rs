//! What a run is asked for, and what it ends with.

use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::contract::Selection;
use crate::failure::{Failure, Summary};
use crate::limits::{Exceeded, Limits};

/// What a call used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Bytes of linear memory at most.
    pub memory: usize,
    /// Of the processor.
    pub cpu: Duration,
    /// Requests sent.
    pub requests: u64,
    /// From the call to the instance.
    pub instantiated: Duration,
    /// From the call to its first request.
    pub first_request: Option<Duration>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Well, or with a failure that the component reports.
    pub result: Result<Summary, Failure>,
    /// Why the destination refused, if it did.
    pub refusal: Option<anyhow::Error>,
    /// The first limit that a request exceeded, whatever the component made of it.
    pub exceeded: Option<Exceeded>,
    /// What the call used.
    pub usage: Usage,
}

/// What a run reads, and within which limits.
#[derive(Debug, Clone, Default)]
pub struct SyncRequest<'a> {
    /// What one call may use.
    pub limits: Limits,
    /// Streams, each with its mode.
    pub selection: &'a [Selection],
    /// Of the last checkpoint, or none for a fresh start.
    pub state: Option<&'a str>,
    /// Stops the run: the sink refuses its next call.
    pub cancellation: CancellationToken,
}
