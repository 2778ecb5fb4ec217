//! Values on standard output.

use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Writes a value as one line of standard output.
///
/// # Errors
///
/// Standard output is closed, or its reader went away.
pub fn print(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")
        .and_then(|()| out.flush())
        .context("standard output cannot be written")
}

/// Whether an error says that the reader of a pipe went away.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<std::io::Error>();
        cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
    })
}
