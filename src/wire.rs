//! JSON as the service sends it: tolerant of odd values, strict about the ends of texts and lists.
//!
//! Nothing in Atlassian's response schemas is required (OpenAPI of v2, June 2026), so every field is optional, and
//! fields that nobody reads are skipped without building them. A field that is read is a [`Value`]: whatever is sent
//! fits, and [`FieldReader`] decides what it means. A body that is no strict JSON is repaired and parsed again.

mod json;
mod repair;
mod target;
mod value;

pub use json::{Fields, Json, OtherShape};
pub use target::{Items, Object, ReadError, Target};
pub(crate) use target::{known, object, read};
pub(crate) use value::json_number;
pub use value::{FieldReader, Value};

/// Rows of one response at most; 250 are asked for. A row takes up to 500 bytes of memory and two in the body.
const MAX_ROWS: usize = 5_000;
/// What a longer list is refused with.
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
    read: impl Fn(&[u8]) -> Result<R, ReadError>,
) -> Result<R, BodyError> {
    let text = json_text(body)?;
    read(text)
        .or_else(|_| read(&repair::repair(text)))
        .map_err(BodyError::from)
}

/// The JSON of a body, without the blanks and the byte order mark around it.
fn json_text(body: &[u8]) -> Result<&[u8], BodyError> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = text.trim_ascii();
    if text.is_empty() {
        Err(BodyError::Empty)
    } else if text.starts_with(b"<") {
        Err(BodyError::Html)
    } else {
        Ok(text)
    }
}

impl From<ReadError> for BodyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cut => Self::Cut,
            ReadError::Malformed(line, column) => Self::Malformed(line, column),
            ReadError::FieldTwice => Self::Unexpected("a field twice in an object".to_owned()),
            ReadError::TooManyItems => Self::Unexpected(TOO_MANY_ROWS.to_owned()),
        }
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

impl<T> Nested<T> {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Object(object) => Some(object),
            Self::Missing | Self::Other => None,
        }
    }
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

/// A list within JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum List<T> {
    /// Missing or null.
    #[default]
    Missing,
    /// A list.
    Items(Vec<T>),
    /// Something else.
    Other,
}

impl<'de> Target<'de> for Value<'de> {
    fn set(&mut self, value: Value<'de>) {
        *self = value;
    }
}

impl<'de, T: Object<'de> + Default> Target<'de> for Nested<T> {
    fn set(&mut self, value: Value<'de>) {
        *self = if value.is_missing() {
            Self::Missing
        } else {
            Self::Other
        };
    }

    fn object(&mut self) -> Option<&mut dyn Object<'de>> {
        *self = Self::Object(T::default());
        match self {
            Self::Object(object) => Some(object),
            Self::Missing | Self::Other => None,
        }
    }
}

impl<'de, T: Target<'de> + Default> Target<'de> for List<T> {
    fn set(&mut self, value: Value<'de>) {
        *self = if value.is_missing() {
            Self::Missing
        } else {
            Self::Other
        };
    }

    fn list(&mut self) -> Option<&mut dyn Items<'de>> {
        *self = Self::Items(Vec::new());
        match self {
            Self::Items(items) => Some(items),
            Self::Missing | Self::Other => None,
        }
    }
}

impl<'de, T: Target<'de> + Default> Items<'de> for Vec<T> {
    fn add(&mut self) -> Option<&mut dyn Target<'de>> {
        if self.len() == MAX_ROWS {
            return None;
        }
        Some(self.push_mut(T::default()))
    }
}

#[cfg(test)]
mod tests;
