//! Text files that callers hand over: configurations, catalogs, secrets.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use anyhow::{Context as _, Result};

/// The byte order mark with which editors of some systems begin a text.
const BOM: char = '\u{feff}';

/// Bytes of a file at most: a catalog of a thousand streams has some MiB.
const MAX_BYTES: u64 = 64 << 20;

/// Reads a text file, or standard input where it is called `-`, without a byte order mark. A mark may say that it is
/// UTF-16, as `>` of `PowerShell` 5 writes it.
///
/// # Errors
///
/// The file cannot be read, is larger than 64 MiB, or is neither UTF-8 nor UTF-16 with its mark.
pub fn read(file: &Path) -> Result<String> {
    let bytes = if file == Path::new("-") {
        read_bounded(io::stdin())
    } else {
        read_file(file)
    };
    let text = bytes.and_then(decode);
    text.with_context(|| format!("the file {} cannot be read", file.display()))
}

fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        // Two letters of ASCII.
        [0, first, 0, second, ..] | [first, 0, second, 0, ..] if *first != 0 && *second != 0 => {
            return Err(io::Error::other("it is in UTF-16; save it as UTF-8"));
        }
        _ => String::from_utf8(bytes)
            .map_err(|_| io::Error::other("it is not in UTF-8; save it as UTF-8"))?,
    };
    Ok(match text.strip_prefix(BOM) {
        Some(text) => text.to_owned(),
        None => text,
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> io::Result<String> {
    let (pairs, rest) = bytes.as_chunks();
    let units: Vec<_> = pairs.iter().copied().map(unit).collect();
    let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
    text.ok_or_else(|| {
        io::Error::other("it is damaged: it begins as UTF-16 and is not; save it as UTF-8")
    })
}

/// Not from a device, which may have no end, as `/dev/zero` has none.
fn read_file(file: &Path) -> io::Result<Vec<u8>> {
    let open = fs::File::open(file)?;
    if is_device(open.metadata()?.file_type()) {
        return Err(io::Error::other("it is a device"));
    }
    read_bounded(open)
}

/// Reads a file to its end.
///
/// # Errors
///
/// It cannot be read, or is larger than 64 MiB.
pub(crate) fn read_bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    Ok(bytes)
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
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_in_the_encodings_that_editors_write() {
        let text = r#"{"title": "Grüße 🦀"}"#;
        let units: Vec<u16> = text.encode_utf16().collect();
        let bytes = |encode: fn(u16) -> [u8; 2]| -> Vec<u8> {
            units.iter().copied().flat_map(encode).collect()
        };
        let (little, big) = (bytes(u16::to_le_bytes), bytes(u16::to_be_bytes));
        for readable in [
            text.into(),
            format!("{BOM}{text}").into_bytes(),
            [&[0xff, 0xfe], little.as_slice()].concat(),
            [&[0xfe, 0xff], big.as_slice()].concat(),
        ] {
            assert_eq!(decode(readable).unwrap(), text);
        }
        for (unreadable, said) in [
            (little.clone(), "UTF-16; save"),
            (big, "UTF-16; save"),
            (vec![b'a', 0xe4], "not in UTF-8"),
            ([&[0xff, 0xfe], &little[1..]].concat(), "damaged"),
        ] {
            let error = decode(unreadable).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_not_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
        assert!(read_if_there(Path::new("/dev/zero")).is_err());
    }
}
