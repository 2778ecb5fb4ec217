//! Percent-encoding in paths and queries, as strict and as lenient servers read it.

/// How often a text may be encoded: each level is decoded by some server on the way.
const LEVELS: usize = 4;

/// Whether a `%` is not followed by two hexadecimal digits: servers decode the rest of such a text differently.
pub(crate) fn is_malformed(text: &str) -> bool {
    decode(text.as_bytes()).is_malformed
}

/// Whether a path segment stands for plain text, however often it is decoded: UTF-8 without control characters and
/// separators, and neither a dot nor two, which a lenient server also finds before a semicolon or beside blanks.
pub(crate) fn is_plain_text(segment: &str) -> bool {
    let mut bytes = segment.as_bytes().to_vec();
    for _ in 0..=LEVELS {
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return false;
        };
        if text.contains(|c: char| c.is_control() || matches!(c, '/' | '\\')) || is_dots(text) {
            return false;
        }
        let decoded = decode(&bytes).bytes;
        if decoded.len() == bytes.len() {
            return true;
        }
        bytes = decoded;
    }
    false
}

/// Whether a query can be read in one way: its escapes are whole and stand for no control characters.
pub(crate) fn is_plain_query(query: &str) -> bool {
    let decoded = decode(query.as_bytes());
    !decoded.is_malformed && !decoded.bytes.iter().any(u8::is_ascii_control)
}

/// A server that normalizes Unicode takes other full stops for a dot.
fn is_dots(text: &str) -> bool {
    let name = text.split(';').next().unwrap_or_default().trim();
    let is_dot = |c| matches!(c, '.' | '\u{2024}' | '\u{fe52}' | '\u{ff0e}');
    name.is_empty() || name.chars().all(is_dot) && name.chars().count() <= 2
}

struct Decoded {
    bytes: Vec<u8>,
    is_malformed: bool,
}

/// Takes one level of encoding away. What is no escape stays as it is.
fn decode(text: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(text.len());
    let mut is_malformed = false;
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if let Some(byte) = from_hex(*high, *low) => {
                bytes.push(byte);
                rest = after;
            }
            (byte, _) => {
                is_malformed |= *byte == b'%';
                bytes.push(*byte);
            }
        }
    }
    Decoded {
        bytes,
        is_malformed,
    }
}

fn from_hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_plain_text_at_every_level_of_encoding() {
        let deep = format!("%{}41", "25".repeat(20_000));
        for (segment, plain) in [
            ("a%20b", true),
            ("100%25", true),
            ("%C3%A9%F0%9F%A6%80", true),
            ("~user:1,2;v=1", true),
            ("...", true),
            ("%0d%0aX:y", false),
            ("%1f", false),
            ("%7F", false),
            ("%C2%85", false),
            ("%250a", false),
            ("%c0%ae", false),
            ("%2F", false),
            ("%255c", false),
            ("%2e%2E", false),
            ("..%3bx", false),
            ("..%20", false),
            ("%20.%20;x", false),
            (";x", false),
            ("%EF%BC%8E%EF%BC%8E", false),
            (&deep, false),
        ] {
            assert_eq!(is_plain_text(segment), plain, "{segment}");
        }
        for (text, malformed) in [
            ("a%20b", false),
            ("%", true),
            ("%4", true),
            ("%zz", true),
            ("%u002e", true),
        ] {
            assert_eq!(is_malformed(text), malformed, "{text}");
        }
    }

    #[test]
    fn queries_are_free_but_for_control_characters_and_malformed_escapes() {
        for (query, plain) in [
            ("cql=title%3D%22%C3%BC%22&cursor=a%2Bb%3D%3D&x=../y", true),
            ("id=1,2;3&q=%2F%5C%25", true),
            ("q=a%0d%0ab", false),
            ("q=%00", false),
            ("q=100%", false),
            ("q=%u0041", false),
        ] {
            assert_eq!(is_plain_query(query), plain, "{query}");
        }
    }
}
