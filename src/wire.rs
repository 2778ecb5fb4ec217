//! JSON as the service sends it: tolerant of odd values, strict about the ends of texts and lists.
//!
//! Nothing in Atlassian's response schemas is required (OpenAPI of v2, June 2026), so every field is optional. Derived
//! structs skip fields that nobody reads without building them. A field that is read is a [`Value`]: whatever is sent
//! fits, and [`FieldReader`] decides what it means. A body that is no strict JSON is repaired and parsed again.

mod repair;
mod value;

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_core::de::value::MapAccessDeserializer;

pub(crate) use value::json_number;
pub use value::{FieldReader, Value};

/// Rows of one response at most; 250 are asked for. A row takes up to 500 bytes of memory and two in the body.
const MAX_ROWS: usize = 5_000;
/// What the derived code reports for a longer list.
const TOO_MANY_ROWS: &str = "more than 5000 rows";

/// Why a body cannot be used. It never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// No body where one is due.
    #[error("an empty body")]
    Empty,
    /// JSON that ends too early.
    #[error("JSON that breaks off")]
    Cut,
    /// A page for a browser.
    #[error("HTML instead of JSON")]
    Html,
    /// No JSON.
    #[error("no JSON (line {0}, column {1})")]
    Malformed(usize, usize),
    /// JSON of another shape; what is wrong with it.
    #[error("{0}")]
    Unexpected(String),
}

impl BodyError {
    /// Whether the response broke off on its way.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Empty | Self::Cut)
    }
}

/// Parses a body with `read`. If it is no strict JSON, its texts and numbers are repaired and it is parsed again.
///
/// # Errors
///
/// It is no JSON even then.
pub fn decode<R>(
    body: &[u8],
    read: impl Fn(&[u8]) -> Result<R, serde_json::Error>,
) -> Result<R, BodyError> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(BodyError::Empty);
    }
    if text.starts_with(b"<") {
        return Err(BodyError::Html);
    }
    read(text)
        .or_else(|_| read(&repair::repair(text)))
        .map_err(|error| body_error(&error))
}

/// The parser's own words may quote the body, except for ours.
fn body_error(error: &serde_json::Error) -> BodyError {
    if error.is_eof() {
        BodyError::Cut
    } else if error.is_data() && error.to_string().starts_with(TOO_MANY_ROWS) {
        BodyError::Unexpected(TOO_MANY_ROWS.to_owned())
    } else {
        BodyError::Malformed(error.line(), error.column())
    }
}

/// An object within JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Nested<T> {
    /// Missing or null.
    #[default]
    Missing,
    /// An object.
    Object(T),
    /// Something else.
    Other,
}

impl<T: Default> Nested<T> {
    /// The object; an empty one if it is missing or no object.
    pub fn or_empty(self) -> T {
        match self {
            Self::Object(object) => object,
            Self::Missing | Self::Other => T::default(),
        }
    }
}

/// A list of objects within JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum List<T> {
    /// Missing or null.
    #[default]
    Missing,
    /// A list.
    Items(Vec<Nested<T>>),
    /// Something else.
    Other,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nested<T> {
    /// Not inlined: one copy instead of one for each field of its type.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NestedVisitor(PhantomData))
    }
}

struct NestedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NestedVisitor<T> {
    type Value = Nested<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Nested::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Nested::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Nested::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Nested::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Nested::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Nested::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list).map(|()| Nested::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(Nested::Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    /// Not inlined: one copy instead of one for each field of its type.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(List::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(List::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(List::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(List::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(List::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(List::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == MAX_ROWS {
                return Err(serde::de::Error::custom(TOO_MANY_ROWS));
            }
            items.push(item);
        }
        Ok(List::Items(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        skip_object(object).map(|()| List::Other)
    }
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests;
