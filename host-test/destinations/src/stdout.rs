//! Values on standard output.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Writes a value as one line of standard output.
///
/// # Errors
///
/// Nobody reads standard output any more.
pub fn print(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")
        .and_then(|()| out.flush())
        .context("standard output can't be written")
}
