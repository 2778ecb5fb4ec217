//! Objects that come over the wire.
//!
//! Not derived: serde's derived code for these objects takes twice the room.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// An object with fields that may be missing. Other fields are skipped.
pub(crate) trait Object<'de>: Default {
    /// The names of its fields in JSON.
    const KEYS: &'static [&'static str];

    /// Reads the value of the field whose name is at `index`.
    fn read<A: MapAccess<'de>>(&mut self, index: usize, object: &mut A) -> Result<(), A::Error>;
}

/// Declares an [`Object`]: its fields, each with its name in JSON.
macro_rules! object {
    (
        $(#[$docs:meta])*
        $visibility:vis $name:ident<$lifetime:lifetime> {
            $($field:ident: $type:ty = $key:literal,)*
        }
    ) => {
        $(#[$docs])*
        #[derive(Debug, Default, PartialEq)]
        $visibility struct $name<$lifetime> {
            $($field: $type,)*
        }

        impl<'de: $lifetime, $lifetime> $crate::wire::Object<'de> for $name<$lifetime> {
            const KEYS: &'static [&'static str] = &[$($key),*];

            fn read<A: serde::de::MapAccess<'de>>(
                &mut self,
                index: usize,
                object: &mut A,
            ) -> Result<(), A::Error> {
                let mut fields_before = 0;
                $(
                    if index == fields_before {
                        self.$field = object.next_value()?;
                    }
                    fields_before += 1;
                )*
                let _ = fields_before;
                Ok(())
            }
        }

        impl<'de: $lifetime, $lifetime> serde::Deserialize<'de> for $name<$lifetime> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::read_object(deserializer)
            }
        }
    };
}

pub(crate) use object;

/// Reads an object.
///
/// # Errors
///
/// It is no object, or has a field twice.
pub(crate) fn read_object<'de, T: Object<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<T, A::Error> {
        let mut read = T::default();
        let mut seen = 0_u32;
        while let Some(index) = object.next_key_seed(KeySeed(T::KEYS))? {
            let Some(index) = index else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen & 1 << index != 0 {
                return Err(Error::custom("a field twice"));
            }
            seen |= 1 << index;
            read.read(index, &mut object)?;
        }
        Ok(read)
    }
}

/// Reads a name as its index among these; none for another name.
struct KeySeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<usize>;

    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}
