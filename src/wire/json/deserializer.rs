//! JSON of any shape as the source of serde's derived code.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Json;
use crate::wire::Value;

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
