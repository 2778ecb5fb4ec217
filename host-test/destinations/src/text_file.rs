//! Text files that callers hand over: configurations, catalogs, secrets.

use std::fs;
use std::io::{self, ErrorKind, Read as _};
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
        io::read_to_string(io::stdin())
    } else {
        read_file(file)
    };
    let text = text.with_context(|| format!("the file {} cannot be read", file.display()))?;
    Ok(match text.strip_prefix(BOM) {
        Some(text) => text.to_owned(),
        None => text,
    })
}

/// Not from a device, which may have no end, as `/dev/zero` has none.
fn read_file(file: &Path) -> io::Result<String> {
    let mut open = fs::File::open(file)?;
    if is_device(open.metadata()?.file_type()) {
        return Err(io::Error::other("it is a device"));
    }
    let mut text = String::new();
    open.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn is_device(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: fs::FileType) -> bool {
    false
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_an_end_is_not_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
        assert!(read_if_there(Path::new("/dev/zero")).is_err());
    }
}
