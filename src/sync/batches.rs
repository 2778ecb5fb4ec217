//! Batches that fill up on their way to the sink.

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::sink::{Batch, Sink};
use crate::stream::Stream;

/// Bytes of rows that are held back at most before they are emitted.
const FULL: usize = 128 * 1024;

/// Gathers rows into batches, one for each stream, and emits them when they are full or due.
#[derive(Debug)]
pub(super) struct Batches<'a, S> {
    sink: &'a S,
    open: Vec<Batch>,
    bytes: usize,
}

impl<'a, S: Sink> Batches<'a, S> {
    /// No batches yet.
    pub(super) fn new(sink: &'a S) -> Self {
        Self {
            sink,
            open: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a row of `stream`.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn add(&mut self, stream: Stream, row: &impl Serialize) -> Result<()> {
        let row = to_json(row)?;
        self.bytes += row.len();
        self.batch(stream).rows.push(row);
        if self.bytes >= FULL {
            self.flush()?;
        }
        Ok(())
    }

    /// Voids the rows of `stream` that match a partial key, before rows that follow.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn void(&mut self, stream: Stream, key: String) -> Result<()> {
        // A batch applies its replacements before its rows, so earlier rows with this key would stay.
        if self.batch(stream).replaces.contains(&key) {
            self.flush()?;
        }
        self.bytes += key.len();
        self.batch(stream).replaces.push(key);
        Ok(())
    }

    /// Emits what there is.
    ///
    /// # Errors
    ///
    /// The sink takes no more.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        for batch in std::mem::take(&mut self.open) {
            self.sink.emit(batch)?;
        }
        Ok(())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the index was found or made a moment ago"
    )]
    fn batch(&mut self, stream: Stream) -> &mut Batch {
        let index = self.open.iter().position(|batch| batch.stream == stream);
        let index = index.unwrap_or_else(|| {
            self.open.push(Batch {
                stream,
                replaces: Vec::new(),
                rows: Vec::new(),
            });
            self.open.len() - 1
        });
        &mut self.open[index]
    }
}

/// The JSON text of a row or a key.
///
/// # Errors
///
/// None in practice: all members have a JSON form.
pub(super) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|_| Error::new(Kind::UnexpectedResponse, "a row can't be written as JSON"))
}
