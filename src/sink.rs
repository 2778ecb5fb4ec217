//! Where rows go: the sink that the host implements.

use crate::error::{Error, Kind};
use crate::stream::Stream;

/// Where rows go. An error from it ends the run.
pub trait Sink {
    /// A snapshot of these streams begins.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn begin_snapshot(&self, streams: &[Stream]) -> Result<(), SinkError>;

    /// Takes rows and replacements.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn emit(&self, batch: Batch) -> Result<(), SinkError>;

    /// Commits everything before it.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn checkpoint(&self, state: &str) -> Result<(), SinkError>;

    /// The snapshot of this stream is complete, but for the rows that match a partial key in `except`.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn end_snapshot(&self, stream: Stream, except: &[String]) -> Result<(), SinkError>;
}

/// Why a sink takes no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The run was asked to stop.
    #[error("the run was asked to stop")]
    Cancelled,
    /// The destination failed.
    #[error("the destination failed: {0}")]
    Failed(String),
}

impl From<SinkError> for Error {
    fn from(error: SinkError) -> Self {
        Self::new(Kind::Cancelled, error.to_string())
    }
}

/// Rows of one stream; `replaces` is applied first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The stream.
    pub stream: Stream,
    /// Partial keys: rows that match one of them are void.
    pub replaces: Vec<String>,
    /// Rows, as JSON objects.
    pub rows: Vec<String>,
}
