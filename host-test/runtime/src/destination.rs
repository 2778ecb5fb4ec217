//! Where rows go: the trait that a destination implements, and what it is given.
//!
//! Everything that reaches a destination has passed the gate: streams are selected ones, names are
//! identifiers, values fit the schema, sizes are bounded. A destination still binds values and quotes names.

use anyhow::Result;
use serde::Deserialize;

pub use crate::row::Row;

/// Rows of one stream. A destination applies `replaces` first, then `rows`.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// A selected stream.
    pub stream: String,
    /// Partial keys: delete the rows that match any of them.
    pub replaces: Vec<Row>,
    /// Upserted by primary key in this order.
    pub rows: Vec<Row>,
}

/// Advice for a person or a progress bar. Its texts are printable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Note {
    /// A line for the log.
    Log {
        /// `info` or `warn`.
        level: String,
        /// The line.
        message: String,
    },
    /// A wait begins.
    Wait {
        /// How long, in milliseconds; a day at most.
        ms: u64,
        /// Why.
        reason: String,
    },
    /// A page was listed and no longer exists.
    Gone {
        /// Its id.
        page_id: String,
    },
    /// How far it is.
    Progress {
        /// Items done.
        done: u64,
        /// Of how many, where known.
        #[serde(default)]
        total: Option<u64>,
    },
    /// What a later version of the contract may say.
    #[serde(other)]
    Other,
}

/// Takes what a run delivers, in its order. An error refuses it and ends the run.
///
/// The calls run on a thread of their own and may block: deadlines and cancellation do not wait for them.
/// The destination is dropped there too, at the end of the run.
pub trait Destination: Send {
    /// A snapshot of these streams begins: rows written from now on belong to it.
    ///
    /// # Errors
    ///
    /// It cannot be taken.
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()>;

    /// Rows and replacements.
    ///
    /// # Errors
    ///
    /// They cannot be taken.
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// Commits everything before it.
    ///
    /// # Errors
    ///
    /// It cannot be committed.
    fn checkpoint(&mut self, state: &str) -> Result<()>;

    /// The snapshot of this stream is complete: rows not written since its `begin_snapshot`, in this run or in
    /// earlier ones, no longer exist at the source, but for those that match a partial key in `except`.
    ///
    /// # Errors
    ///
    /// It cannot be taken.
    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()>;

    /// Advice; nothing to refuse.
    fn note(&mut self, note: &Note) {
        let _ = note;
    }
}

impl<D: Destination + ?Sized> Destination for Box<D> {
    fn begin_snapshot(&mut self, streams: &[String]) -> Result<()> {
        (**self).begin_snapshot(streams)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        (**self).write(batch)
    }

    fn checkpoint(&mut self, state: &str) -> Result<()> {
        (**self).checkpoint(state)
    }

    fn end_snapshot(&mut self, stream: &str, except: &[Row]) -> Result<()> {
        (**self).end_snapshot(stream, except)
    }

    fn note(&mut self, note: &Note) {
        (**self).note(note);
    }
}

/// Takes everything and keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullDestination;

impl Destination for NullDestination {
    fn begin_snapshot(&mut self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _: Batch) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn end_snapshot(&mut self, _: &str, _: &[Row]) -> Result<()> {
        Ok(())
    }
}
