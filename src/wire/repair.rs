//! Repairs a body that is JSON but for its texts and numbers.
//!
//! serde_json refuses a whole body for a lone surrogate, invalid UTF-8, a raw control character or a number beyond
//! `f64`, wherever it stands. Such a body is rewritten once: broken characters become U+FFFD, raw control
//! characters are escaped, and a number beyond `f64` becomes a text. Strict bodies, which are the rule, are never
//! copied.

use serde::de::IgnoredAny;

use super::{Value, read};

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// U+FFFD as an escape.
const ESCAPED_REPLACEMENT: &[u8] = b"\\ufffd";

/// Rewrites a body so that what is wrong within its texts and numbers no longer matters.
pub(super) fn repair(body: &[u8]) -> Vec<u8> {
    let text = valid_utf8(body);
    let mut repaired = Vec::with_capacity(text.len() + 64);
    let mut rest = text.as_slice();
    while let [first, others @ ..] = rest {
        rest = match first {
            b'"' => {
                repaired.push(b'"');
                repair_text(others, &mut repaired)
            }
            b'-' | b'0'..=b'9' => repair_number(rest, &mut repaired),
            _ => {
                repaired.push(*first);
                others
            }
        };
    }
    repaired
}

/// Replaces what is no UTF-8; the three bytes of a surrogate count as one character.
fn valid_utf8(body: &[u8]) -> Vec<u8> {
    let mut valid = Vec::with_capacity(body.len());
    let mut surrogate_tail = 0;
    for chunk in body.utf8_chunks() {
        if !chunk.valid().is_empty() {
            surrogate_tail = 0;
            valid.extend_from_slice(chunk.valid().as_bytes());
        }
        match chunk.invalid() {
            [] => {}
            [0x80..=0xbf] if surrogate_tail > 0 => surrogate_tail -= 1,
            invalid => {
                surrogate_tail = if invalid == [0xed] { 2 } else { 0 };
                valid.extend_from_slice(REPLACEMENT);
            }
        }
    }
    valid
}

/// Copies a text behind its opening quote, and returns what follows its closing one.
fn repair_text<'a>(mut rest: &'a [u8], repaired: &mut Vec<u8>) -> &'a [u8] {
    loop {
        rest = match rest {
            [] => return rest,
            [b'"', others @ ..] => {
                repaired.push(b'"');
                return others;
            }
            [b'\\', b'u', others @ ..] => repair_escape(others, repaired),
            [b'\\', escaped, others @ ..] => {
                repaired.extend_from_slice(&[b'\\', *escaped]);
                others
            }
            [b'\t', others @ ..] => {
                repaired.extend_from_slice(b"\\t");
                others
            }
            [b'\n', others @ ..] => {
                repaired.extend_from_slice(b"\\n");
                others
            }
            [b'\r', others @ ..] => {
                repaired.extend_from_slice(b"\\r");
                others
            }
            [0..=0x1f, others @ ..] => {
                repaired.extend_from_slice(ESCAPED_REPLACEMENT);
                others
            }
            [byte, others @ ..] => {
                repaired.push(*byte);
                others
            }
        };
    }
}

/// Copies the escape behind `\u`; a surrogate without its other half is replaced.
fn repair_escape<'a>(rest: &'a [u8], repaired: &mut Vec<u8>) -> &'a [u8] {
    let Some((unit, others)) = code_unit(rest) else {
        repaired.extend_from_slice(b"\\u");
        return rest;
    };
    let low = others.strip_prefix(b"\\u").and_then(code_unit);
    match (unit, low) {
        (0xd800..=0xdbff, Some((0xdc00..=0xdfff, behind))) => {
            repaired.extend_from_slice(b"\\u");
            repaired.extend_from_slice(rest.get(..10).unwrap_or_default());
            behind
        }
        (0xd800..=0xdfff, _) => {
            repaired.extend_from_slice(ESCAPED_REPLACEMENT);
            others
        }
        _ => {
            repaired.extend_from_slice(b"\\u");
            repaired.extend_from_slice(rest.get(..4).unwrap_or_default());
            others
        }
    }
}

/// Four hexadecimal digits, and what follows them.
fn code_unit(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, others) = text.split_at_checked(4)?;
    let digits = str::from_utf8(digits).ok()?;
    let all_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok()?;
    all_hex.then_some((unit, others))
}

/// Copies a number; one beyond `f64` is written as a text.
fn repair_number<'a>(rest: &'a [u8], repaired: &mut Vec<u8>) -> &'a [u8] {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = rest.iter().position(|byte| !is_part(byte));
    let (number, others) = rest.split_at(length.unwrap_or(rest.len()));
    let is_number = serde_json::from_slice::<IgnoredAny>(number).is_ok();
    let fits = read::<Value<'_>>(number).is_ok();
    let quote: &[u8] = if is_number && !fits { b"\"" } else { b"" };
    for part in [quote, number, quote] {
        repaired.extend_from_slice(part);
    }
    others
}
