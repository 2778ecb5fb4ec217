//! Messages, each a line of JSON on standard output.

use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result};
use connector_destinations::stdout;
use serde_json::Value;

/// Writes values as lines. Their texts are escaped here, so that none of them begins a line of its own.
pub(crate) struct LineWriter<W: Write>(BufWriter<W>);

impl<W: Write> LineWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self(BufWriter::with_capacity(64 * 1024, out))
    }

    pub(crate) fn write(&mut self, message: &Value) -> Result<()> {
        stdout::write_line(&mut self.0, &message.to_string())
            .context("standard output cannot be written")
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        self.0.flush().context("standard output cannot be written")
    }
}
