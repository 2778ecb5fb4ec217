//! A scalar as it was sent, and what it means for a column.

use std::borrow::Cow;

use super::read;
use crate::timestamp::Timestamp;

/// Bytes of the longest text that is kept. One that fills a response would exceed what a host takes at once.
const MAX_TEXT: usize = 64 * 1024;
/// Bytes of the longest id. Account ids have up to 128; states hold ids of accounts and pages.
const MAX_ID: usize = 255;
/// Digits of the largest id of a page, a space or a label: 64 bits (OpenAPI).
const MAX_DIGITS: usize = 20;

/// A value as it was sent. A text stays in the body that it was read from, unless it is escaped there.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value<'a> {
    /// Missing or null.
    #[default]
    Missing,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A larger whole number.
    Unsigned(u64),
    /// A number in another notation.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A list or an object.
    Composite,
}

impl<'a> Value<'a> {
    /// The text, if it is one.
    #[must_use]
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is missing or null.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The whole number that it means: `12`, `12.0`, `1e3`, `"7"`.
    fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Float(number) => whole(*number),
            Self::Text(text) => {
                let text = text.trim();
                let integer = text.parse().ok();
                integer.or_else(|| whole(json_number(text)?))
            }
            _ => None,
        }
    }
}

/// A number in JSON's notation. (By the parser that bodies need anyway: the standard library's takes 14 KB.)
pub(crate) fn json_number(text: &str) -> Option<f64> {
    match read(text.as_bytes()).ok()? {
        Value::Float(number) => Some(number),
        #[expect(
            clippy::cast_precision_loss,
            reason = "as a parser of doubles rounds it"
        )]
        Value::Integer(number) => Some(number as f64),
        #[expect(
            clippy::cast_precision_loss,
            reason = "as a parser of doubles rounds it"
        )]
        Value::Unsigned(number) => Some(number as f64),
        _ => None,
    }
}

/// Beyond 2⁵³ a double does not hold every whole number.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and within 2⁵³"
    )]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// Makes column values of what was sent, and remembers the columns whose value has no meaning.
#[derive(Debug, Default)]
pub struct FieldReader {
    /// The columns that became null because their value has no meaning.
    pub unreadable: Vec<&'static str>,
}

impl FieldReader {
    /// Text of up to 64 KiB; NUL becomes U+FFFD, as destinations refuse it.
    pub fn text(&mut self, column: &'static str, value: &Value<'_>) -> Option<String> {
        match value {
            Value::Text(text) if text.len() <= MAX_TEXT => Some(text.replace('\0', "\u{fffd}")),
            other => self.null(column, other),
        }
    }

    /// An id that refers to something else. An empty one is none.
    pub fn id(&mut self, column: &'static str, value: &Value<'_>) -> Option<String> {
        match value {
            Value::Text(id) if id.trim().is_empty() => None,
            Value::Text(id) if is_intact(id) => Some((**id).to_owned()),
            Value::Unsigned(number) => Some(number.to_string()),
            Value::Integer(number) => Some(number.to_string()),
            other => self.null(column, other),
        }
    }

    /// The id that is the key of a user: a text without broken characters.
    pub fn account_key(&mut self, column: &'static str, value: &Value<'_>) -> Option<String> {
        match value {
            Value::Text(id) if !id.trim().is_empty() && is_intact(id) => Some((**id).to_owned()),
            other => self.null(column, other),
        }
    }

    /// The id of a row whose key nothing else confirms: a text of digits, as v2 sends ids. Another value would invent
    /// one row and lose another.
    pub fn key_id(&mut self, column: &'static str, value: &Value<'_>) -> Option<String> {
        match value {
            Value::Text(id)
                if (1..=MAX_DIGITS).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Some((**id).to_owned())
            }
            other => self.null(column, other),
        }
    }

    /// A whole number.
    pub fn integer(&mut self, column: &'static str, value: &Value<'_>) -> Option<i64> {
        let number = value.as_integer();
        number.or_else(|| self.null(column, value))
    }

    /// True or false.
    pub fn boolean(&mut self, column: &'static str, value: &Value<'_>) -> Option<bool> {
        match value {
            Value::Boolean(value) => Some(*value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            other => self.null(column, other),
        }
    }

    /// A time in RFC 3339 and UTC: as received if it is that, else converted from a form that is known.
    pub fn timestamp(&mut self, column: &'static str, value: &Value<'_>) -> Option<String> {
        let converted = match value {
            Value::Text(text) if Timestamp::is_rfc3339_utc(text) => {
                return Some((**text).to_owned());
            }
            Value::Text(text) => Timestamp::parse(text.trim()),
            _ => None,
        };
        let epoch = || value.as_integer().map(Timestamp::from_epoch);
        let converted = converted.or_else(epoch).and_then(Timestamp::to_rfc3339);
        converted.or_else(|| self.null(column, value))
    }

    fn null<T>(&mut self, column: &'static str, value: &Value<'_>) -> Option<T> {
        if !value.is_missing() {
            self.unreadable.push(column);
        }
        None
    }
}

/// Whether no character of an id was broken on its way, and it is no longer than an id.
fn is_intact(id: &str) -> bool {
    let is_broken = |character| matches!(character, '\0' | '\u{fffd}');
    id.len() <= MAX_ID && !id.contains(is_broken)
}
