//! Answers in compressed form.
//!
//! The host asks for gzip, unless the guest asks for a coding itself and gets what the server sends. A listing of
//! 190 KB becomes some 30 KB; see `tests/coding.rs` for what that saves. Inflated bytes count as the bytes of the
//! answer, so that a small answer that inflates to a large one meets the limit of a response. They come in pieces,
//! so that nothing is inflated that is not read.
//!
//! A server that compresses without being asked, without a label or with a wrong one, is understood where the first
//! bytes of its answer say so.

use flate2::{Decompress, FlushDecompress};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use wasmtime_wasi_http::Error;

use crate::printable::printable_within;

/// Bytes of a body that tell its coding.
pub(super) const BEGIN: usize = 4;
/// What some programs write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Who inflates an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InflatedBy {
    Host,
    Guest,
}

/// Asks for what the host can inflate.
pub(super) fn request_coding(headers: &mut HeaderMap) -> InflatedBy {
    if headers.contains_key(ACCEPT_ENCODING) {
        return InflatedBy::Guest;
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    InflatedBy::Host
}

/// How an answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    /// With the header of zlib.
    Zlib,
    /// Without a header: what some servers call deflate.
    Deflate,
}

/// What the headers of an answer say of its coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Gzip,
    Deflate,
    /// No label.
    Json,
    /// No label.
    Text,
    /// No label, and bytes of any kind.
    Other,
}

impl Label {
    /// Reads it.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let codings = headers.get_all(CONTENT_ENCODING).into_iter();
        let codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let codings = codings.map(|coding| coding.trim_ascii().to_ascii_lowercase());
        let codings: Vec<_> = codings
            .filter(|coding| !matches!(coding.as_slice(), b"" | b"identity"))
            .collect();
        match codings.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
            [] => Ok(Self::of_type(headers)),
            [b"gzip" | b"x-gzip"] => Ok(Self::Gzip),
            [b"deflate"] => Ok(Self::Deflate),
            _ => {
                let codings = codings.join(&b',');
                let name = printable_within(&String::from_utf8_lossy(&codings), 60);
                Err(Error::HttpResponseContentCoding(Some(name)))
            }
        }
    }

    fn of_type(headers: &HeaderMap) -> Self {
        let Some(kind) = headers.get(CONTENT_TYPE) else {
            return Self::Text;
        };
        let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
        if kind.contains("json") {
            Self::Json
        } else if kind.starts_with("text/") {
            Self::Text
        } else {
            Self::Other
        }
    }

    /// The coding of an answer that begins with these bytes. They count for more than the label: a proxy that
    /// inflates an answer may leave the label on it.
    pub(super) fn coding(self, begin: &[u8]) -> Result<Coding, Error> {
        let is_gzip = matches!(begin, [0x1f, 0x8b, ..]);
        // RFC 1950: deflate with a window of 32 KiB, and a checksum over both bytes.
        let is_zlib =
            matches!(begin, [0x78, flags, ..] if (0x7800 + u16::from(*flags)).is_multiple_of(31));
        Ok(match self {
            Self::Other => Coding::Identity,
            _ if is_gzip => Coding::Gzip,
            // No JSON begins with an x; a text may.
            Self::Gzip | Self::Deflate | Self::Json if is_zlib => Coding::Zlib,
            Self::Json if is_no_json(begin) && may_be_deflate(begin) => Coding::Deflate,
            Self::Json | Self::Text => Coding::Identity,
            Self::Gzip if begin == [0x1f] => Coding::Gzip,
            Self::Gzip | Self::Deflate if begin.is_empty() || is_json(begin) => Coding::Identity,
            Self::Gzip | Self::Deflate if may_be_deflate(begin) => Coding::Deflate,
            Self::Gzip | Self::Deflate if is_text(begin) => Coding::Identity,
            Self::Gzip => return Err(mislabelled("gzip")),
            Self::Deflate => return Err(mislabelled("deflate")),
        })
    }
}

fn mislabelled(label: &str) -> Error {
    let name = format!("another one than its label, which is {label}");
    Error::HttpResponseContentCoding(Some(name))
}

/// Whether these bytes begin an object or an array. What deflate makes of one begins otherwise.
fn is_json(begin: &[u8]) -> bool {
    let begin = begin.strip_prefix(BYTE_ORDER_MARK).unwrap_or(begin);
    match begin.trim_ascii_start() {
        [b'{', next, ..] => next.is_ascii_whitespace() || matches!(next, b'"' | b'}'),
        [b'[', next, ..] => next.is_ascii_graphic() || next.is_ascii_whitespace(),
        _ => false,
    }
}

/// Deflate has no header: what it cannot be is seen when it is inflated.
fn may_be_deflate(begin: &[u8]) -> bool {
    let mut inflated = [0; 1 << 10];
    let inflating = Decompress::new(false).decompress(begin, &mut inflated, FlushDecompress::None);
    inflating.is_ok()
}

/// Whether these bytes begin neither JSON nor a text in UTF-8, whose next character may not be whole yet.
fn is_no_json(begin: &[u8]) -> bool {
    let is_broken = |error: std::str::Utf8Error| error.error_len().is_some();
    !is_json(begin) && std::str::from_utf8(begin).is_err_and(is_broken)
}

fn is_text(begin: &[u8]) -> bool {
    let mut first = begin.iter().take(BEGIN);
    begin.starts_with(BYTE_ORDER_MARK)
        || first.all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Takes out of the headers what is not true of the body as the guest is given it.
pub(super) fn remove_coding(headers: &mut HeaderMap, coding: Coding) {
    headers.remove(CONTENT_ENCODING);
    if coding != Coding::Identity {
        headers.remove(CONTENT_LENGTH);
    }
}
