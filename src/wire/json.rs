//! JSON of any shape, for configurations and states: each is read once in a run.
//!
//! serde's derived code for states reads from here. From serde_json itself it would bring errors that print whatever
//! they found, numbers of every kind among it: 60 KB of the component.

mod deserializer;

pub use self::deserializer::OtherShape;
use super::{Items, Object, Target, Value};

/// JSON of any shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// A text, a number, true, false or null.
    Scalar(Value<'a>),
    /// A list.
    List(Elements<'a>),
    /// An object.
    Object(Fields<'a>),
}

/// The items of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Elements<'a>(pub Vec<Json<'a>>);

/// The fields of an object, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields<'a>(pub Vec<(String, Json<'a>)>);

impl Default for Json<'_> {
    fn default() -> Self {
        Self::Scalar(Value::Missing)
    }
}

impl Json<'_> {
    /// The field of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(name),
            Self::Scalar(_) | Self::List(_) => None,
        }
    }

    /// Takes out the field of an object.
    pub fn take(&mut self, name: &str) -> Option<Self> {
        match self {
            Self::Object(fields) => fields.take(name),
            Self::Scalar(_) | Self::List(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Scalar(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one that is written as such, and not negative.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Scalar(Value::Integer(number)) => u64::try_from(*number).ok(),
            Self::Scalar(Value::Unsigned(number)) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Value::Missing))
    }
}

impl<'a> Fields<'a> {
    /// The field with this name. Of several, the last one counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        let (_, value) = self.0.iter().rfind(|(field, _)| field == name)?;
        Some(value)
    }

    /// Takes out the field with this name.
    pub fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let mut taken = None;
        for (_, value) in self.0.extract_if(.., |(field, _)| field == name) {
            taken = Some(value);
        }
        taken
    }
}

impl<'de> Target<'de> for Json<'de> {
    fn set(&mut self, value: Value<'de>) {
        *self = Self::Scalar(value);
    }

    fn object(&mut self) -> Option<&mut dyn Object<'de>> {
        *self = Self::Object(Fields::default());
        match self {
            Self::Object(fields) => Some(fields),
            Self::Scalar(_) | Self::List(_) => None,
        }
    }

    fn list(&mut self) -> Option<&mut dyn Items<'de>> {
        *self = Self::List(Elements::default());
        match self {
            Self::List(elements) => Some(elements),
            Self::Scalar(_) | Self::Object(_) => None,
        }
    }
}

impl<'de> Items<'de> for Elements<'de> {
    fn add(&mut self) -> Option<&mut dyn Target<'de>> {
        Some(self.0.push_mut(Json::default()))
    }
}

impl<'de> Object<'de> for Fields<'de> {
    fn index(&mut self, name: &str) -> Option<usize> {
        self.0.push((name.to_owned(), Json::default()));
        Some(self.0.len() - 1)
    }

    fn field(&mut self, index: usize) -> Option<&mut dyn Target<'de>> {
        let (_, value) = self.0.get_mut(index)?;
        Some(value)
    }
}
