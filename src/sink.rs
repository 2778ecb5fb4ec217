//! Where rows go: the sink that the host implements, and what it is told.

use crate::error::{Error, Kind};
use crate::json::{Object, ToJson};
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

    /// Advice for a person.
    fn note(&self, note: &Note<'_>);
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

/// Advice for a person or a progress bar.
#[derive(Debug)]
pub enum Note<'a> {
    /// A line for the log.
    Log {
        /// `info` or `warn`.
        level: &'static str,
        /// The line.
        message: &'a str,
    },
    /// A wait begins.
    Wait {
        /// How long, in milliseconds.
        ms: u64,
        /// Why.
        reason: &'a str,
    },
    /// A page was listed and no longer exists.
    Gone {
        /// Its id.
        page_id: &'a str,
    },
    /// So many pages are read.
    Progress {
        /// Pages read.
        done: u64,
        /// Pages in all, where known.
        total: Option<u64>,
    },
}

impl ToJson for Note<'_> {
    fn to_json(&self) -> String {
        match self {
            Self::Log { level, message } => Object::with("type", "log")
                .text("level", Some(level))
                .text("message", Some(message)),
            Self::Wait { ms, reason } => Object::with("type", "wait")
                .raw("ms", &ms.to_string())
                .text("reason", Some(reason)),
            Self::Gone { page_id } => Object::with("type", "gone").text("page_id", Some(page_id)),
            Self::Progress { done, total } => {
                let note = Object::with("type", "progress").raw("done", &done.to_string());
                match total {
                    Some(total) => note.raw("total", &total.to_string()),
                    None => note,
                }
            }
        }
        .end()
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
