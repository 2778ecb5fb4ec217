//! JSON of any shape, for configurations and states: each is read once in a run.
//!
//! serde's derived code for states reads from here. From serde_json itself it would bring errors that print whatever
//! they found, numbers of every kind among it: 60 KB of the component.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

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

/// JSON that does not fit what it is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("JSON of another shape")]
pub struct OtherShape;

impl Error for OtherShape {
    /// What serde says about it would be made for each type, and is shown to nobody.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

fn visit_scalar<'de, V: Visitor<'de>>(
    value: Value<'de>,
    visitor: V,
) -> Result<V::Value, OtherShape> {
    match value {
        Value::Missing => visitor.visit_unit(),
        Value::Boolean(value) => visitor.visit_bool(value),
        Value::Integer(number) => visitor.visit_i64(number),
        Value::Unsigned(number) => visitor.visit_u64(number),
        Value::Float(number) => visitor.visit_f64(number),
        Value::Text(text) => visitor.visit_string(text.into_owned()),
        Value::Composite => Err(OtherShape),
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OtherShape> {
            match self {
                Self::Scalar(value) => visit_scalar(value, visitor),
                Self::List(_) | Self::Object(_) => Err(OtherShape),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Json<'de> {
    type Error = OtherShape;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OtherShape> {
        match self {
            Self::Scalar(value) => visit_scalar(value, visitor),
            Self::List(_) => self.deserialize_seq(visitor),
            Self::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OtherShape> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, OtherShape> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, OtherShape> {
        let Self::Object(fields) = self else {
            return Err(OtherShape);
        };
        let fields = MapDeserializer::new(fields.0.into_iter());
        visitor.visit_enum(MapAccessDeserializer::new(fields))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OtherShape> {
        match self {
            Self::List(elements) => visitor.visit_seq(SeqDeserializer::new(elements.0.into_iter())),
            Self::Scalar(_) | Self::Object(_) => Err(OtherShape),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OtherShape> {
        match self {
            Self::Object(fields) => visitor.visit_map(MapDeserializer::new(fields.0.into_iter())),
            Self::Scalar(_) | Self::List(_) => Err(OtherShape),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, OtherShape> {
        self.deserialize_map(visitor)
    }

    /// Of a field that nobody reads.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OtherShape> {
        visitor.visit_unit()
    }

    // Without these, each reader of a scalar would hold those of a list and of an object as well.
    scalars! { deserialize_bool deserialize_i64 deserialize_u64 deserialize_str deserialize_string }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

impl<'de> IntoDeserializer<'de, OtherShape> for Json<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
