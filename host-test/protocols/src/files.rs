//! Files that callers bring.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The byte order mark with which editors of some systems begin a text.
const BOM: char = '\u{feff}';

/// Reads a text file, or standard input where it is called `-`, without a byte order mark.
///
/// # Errors
///
/// The file cannot be read or is not UTF-8.
pub fn read(file: &Path) -> Result<String> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        fs::read_to_string(file)
    };
    let text = text.with_context(|| format!("the file {} cannot be read", file.display()))?;
    Ok(match text.strip_prefix(BOM) {
        Some(text) => text.to_owned(),
        None => text,
    })
}

/// Reads a text file, if there is one.
///
/// # Errors
///
/// It exists and cannot be read.
pub fn read_if_there(file: &Path) -> Result<Option<String>> {
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => read(file).map(Some),
    }
}
