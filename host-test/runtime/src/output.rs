//! What a run delivers, and where it can go.

pub mod jsonl;
pub mod seldom;
pub mod sqlite;

use anyhow::Result;
use serde::Deserialize;

/// Rows of one stream; a host applies first `replaces`, then `rows`. All of them are JSON objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The stream.
    pub stream: String,
    /// Partial keys: rows that match one of them are void.
    pub replaces: Vec<String>,
    /// Rows, upserted by primary key in this order.
    pub rows: Vec<String>,
}

/// Something for a person or a progress bar.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Note {
    /// A run begins and resumes none: what an interrupted one delivered is not part of its snapshot.
    Begin,
    /// A line for the log.
    Log {
        /// `info` or `warn`.
        level: String,
        /// The line.
        message: String,
    },
    /// A wait begins.
    Wait {
        /// How long, in milliseconds.
        ms: u64,
        /// Why.
        reason: String,
    },
    /// A page had vanished when its details were asked for.
    Gone {
        /// Its id.
        page_id: String,
    },
    /// What a later version of the contract may say.
    #[serde(other)]
    Other,
}

/// Takes what a run delivers, in its order. An error refuses it and ends the run.
///
/// Everything before a checkpoint is committed by it. Calls may block: the component waits.
pub trait Output: Send {
    /// Rows and replacements.
    ///
    /// # Errors
    ///
    /// They can't be taken.
    fn emit(&mut self, batch: Batch) -> Result<()>;

    /// Commits all before it.
    ///
    /// # Errors
    ///
    /// It can't be committed.
    fn checkpoint(&mut self, state: &str) -> Result<()>;

    /// A stream is done; `snapshot` says that every row that exists was delivered.
    ///
    /// # Errors
    ///
    /// It can't be taken.
    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()>;

    /// Something for a person; nothing to refuse.
    fn note(&mut self, note: &Note) {
        let _ = note;
    }
}

impl Output for Box<dyn Output> {
    fn emit(&mut self, batch: Batch) -> Result<()> {
        (**self).emit(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        (**self).checkpoint(state)
    }

    fn finished(&mut self, stream: &str, snapshot: bool) -> Result<()> {
        (**self).finished(stream, snapshot)
    }

    fn note(&mut self, note: &Note) {
        (**self).note(note);
    }
}
