//! Where rows go: the sink's trait, and the batches that fill up on their way to it.

use crate::error::{Error, Kind, Result};
use crate::json::{Object, ToJson};
use crate::stream::Stream;

/// Bytes of rows that are held back at most before they are emitted.
const FULL: usize = 128 * 1024;

/// What takes the rows. An error from it is a refusal, in words for a person, and ends the run.
pub trait Sink {
    /// Takes rows and replacements.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn emit(&self, batch: Batch) -> Result<(), String>;

    /// Commits all before it.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn checkpoint(&self, state: &str) -> Result<(), String>;

    /// A stream is done; `snapshot` says that every row that exists was delivered.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    fn finished(&self, stream: Stream, snapshot: bool) -> Result<(), String>;

    /// Something for a person.
    fn note(&self, note: &Note<'_>);
}

/// Something for a person or a progress bar.
#[derive(Debug)]
pub enum Note<'a> {
    /// A run begins and resumes none: what an interrupted one delivered is not part of its snapshot.
    Begin,
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
    /// A page was listed and had vanished when its details were asked for.
    Gone {
        /// Its id.
        page_id: &'a str,
    },
}

impl ToJson for Note<'_> {
    fn to_json(&self) -> String {
        match self {
            Self::Begin => Object::with("type", "begin"),
            Self::Log { level, message } => Object::with("type", "log")
                .text("level", Some(level))
                .text("message", Some(message)),
            Self::Wait { ms, reason } => Object::with("type", "wait")
                .raw("ms", &ms.to_string())
                .text("reason", Some(reason)),
            Self::Gone { page_id } => Object::with("type", "gone").text("page_id", Some(page_id)),
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

/// Gathers rows into batches, one a stream, and hands them on when they are full or due.
#[derive(Debug)]
pub struct Batches<'a, S> {
    sink: &'a S,
    open: Vec<Batch>,
    bytes: usize,
}

impl<'a, S: Sink> Batches<'a, S> {
    /// Empty ones.
    pub fn new(sink: &'a S) -> Self {
        Self {
            sink,
            open: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds rows of `stream`.
    ///
    /// # Errors
    ///
    /// [`Kind::Cancelled`] when the sink refuses.
    pub fn add(&mut self, stream: Stream, rows: &[impl ToJson]) -> Result<()> {
        for row in rows {
            let row = row.to_json();
            self.bytes += row.len();
            self.batch(stream).rows.push(row);
            if self.bytes >= FULL {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Adds the rows of `stream` that take the place of all rows of the page `page_id`.
    ///
    /// # Errors
    ///
    /// [`Kind::Cancelled`] when the sink refuses.
    pub fn replace(&mut self, stream: Stream, page_id: &str, rows: &[impl ToJson]) -> Result<()> {
        let key = Object::with("page_id", page_id).end();
        // A batch applies its replacements before its rows, so earlier rows of this page would stay.
        if self.batch(stream).replaces.contains(&key) {
            self.flush()?;
        }
        self.bytes += key.len();
        self.batch(stream).replaces.push(key);
        self.add(stream, rows)
    }

    /// Hands on what there is.
    ///
    /// # Errors
    ///
    /// [`Kind::Cancelled`] when the sink refuses.
    pub fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        for batch in std::mem::take(&mut self.open) {
            self.sink.emit(batch).map_err(refused)?;
        }
        Ok(())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the place was found or made a moment ago"
    )]
    fn batch(&mut self, stream: Stream) -> &mut Batch {
        let place = self.open.iter().position(|batch| batch.stream == stream);
        let place = place.unwrap_or_else(|| {
            self.open.push(Batch {
                stream,
                replaces: Vec::new(),
                rows: Vec::new(),
            });
            self.open.len() - 1
        });
        &mut self.open[place]
    }
}

/// The error of a run that the sink ended.
pub(crate) fn refused(why: String) -> Error {
    Error::new(Kind::Cancelled, why)
}
