//! What JSON is read into.
//!
//! One reader serves every object: it knows them as [`Target`]s and [`Object`]s only. serde's derived code is made anew
//! for each object, and again for each list of them and each object in another, which took 90 KB of the component.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Value, skip_list, skip_object};

/// What one value is read into.
pub trait Target<'de> {
    /// Takes a value. An object or a list comes as [`Value::Composite`] where none is expected.
    fn set(&mut self, value: Value<'de>);

    /// Begins an object, where one is expected.
    fn object(&mut self) -> Option<&mut dyn Object<'de>> {
        None
    }

    /// Begins a list, where one is expected.
    fn list(&mut self) -> Option<&mut dyn Items<'de>> {
        None
    }
}

/// An object with fields that may be missing. Other fields are skipped.
pub trait Object<'de> {
    /// Which of its fields has this name in JSON.
    fn index(&mut self, name: &str) -> Option<usize>;

    /// What a field is read into.
    fn field(&mut self, index: usize) -> Option<&mut dyn Target<'de>>;
}

/// The items of a list.
pub trait Items<'de> {
    /// Adds one, for what follows to be read into it; none where the list is too long.
    fn add(&mut self) -> Option<&mut dyn Target<'de>>;
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
        #[derive(Debug, Clone, Default, PartialEq)]
        $visibility struct $name<$lifetime> {
            $($field: $type,)*
        }

        impl<$lifetime> $crate::wire::Object<$lifetime> for $name<$lifetime> {
            fn index(&mut self, name: &str) -> Option<usize> {
                $crate::wire::known(&[$($key),*], name)
            }

            fn field(&mut self, index: usize) -> Option<&mut dyn $crate::wire::Target<$lifetime>> {
                let mut fields_before = 0;
                $(
                    if index == fields_before {
                        return Some(&mut self.$field);
                    }
                    fields_before += 1;
                )*
                let _ = fields_before;
                None
            }
        }
    };
}

pub(crate) use object;

/// Where a name stands among those that are known.
pub(crate) fn known(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|known| *known == name)
}

/// Why JSON is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// It ends too early.
    Cut,
    /// It is none: at which line and column.
    Malformed(usize, usize),
    /// An object has a field twice.
    FieldTwice,
    /// A list is too long.
    TooManyItems,
}

/// From serde_json's error, whose own text is never shown: it may quote the body, and printing it takes 6 KB.
impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() {
            Self::Cut
        } else {
            Self::Malformed(error.line(), error.column())
        }
    }
}

/// Reads JSON.
///
/// # Errors
///
/// It is none, has a field twice, or too long a list.
pub(crate) fn read<'de, T: Target<'de> + Default>(json: &'de [u8]) -> Result<T, ReadError> {
    let mut target = T::default();
    read_into(&mut target, json)?;
    Ok(target)
}

fn read_into<'de>(target: &mut dyn Target<'de>, json: &'de [u8]) -> Result<(), ReadError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let refused = Cell::new(None);
    let reader = Reader {
        target,
        refused: &refused,
    };
    reader.deserialize(&mut deserializer)?;
    deserializer.end()?;
    refused.get().map_or(Ok(()), Err)
}

/// Reads a value. What is wrong with the shape of JSON goes into `refused`, the first thing, and is skipped.
struct Reader<'t, 'de> {
    target: &'t mut dyn Target<'de>,
    refused: &'t Cell<Option<ReadError>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.target.set(Value::Missing);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.target.set(Value::Boolean(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.target.set(Value::Integer(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let integer = i64::try_from(value).map_or(Value::Unsigned(value), Value::Integer);
        self.target.set(integer);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.target.set(Value::Float(value));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.target.set(Value::Text(text.into()));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.target.set(Value::Text(text.to_owned().into()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some(items) = self.target.list() else {
            self.target.set(Value::Composite);
            return skip_list(list);
        };
        let refused = self.refused;
        while list
            .next_element_seed(NextItem {
                items: &mut *items,
                refused,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Some(fields) = self.target.object() else {
            self.target.set(Value::Composite);
            return skip_object(object);
        };
        let mut seen = 0_u32;
        while let Some(index) = object.next_key_seed(Name(&mut *fields))? {
            let index = index.unwrap_or(usize::MAX);
            // Of an object without declared fields, each has an index of its own.
            let bit = u32::try_from(index)
                .ok()
                .and_then(|index| 1_u32.checked_shl(index));
            let bit = bit.unwrap_or_default();
            if seen & bit != 0 {
                refuse(self.refused, ReadError::FieldTwice);
            }
            seen |= bit;
            match fields.field(index) {
                Some(target) => object.next_value_seed(Reader {
                    target,
                    refused: self.refused,
                })?,
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads an item of a list into a new one.
struct NextItem<'t, 'de> {
    items: &'t mut dyn Items<'de>,
    refused: &'t Cell<Option<ReadError>>,
}

impl<'de> DeserializeSeed<'de> for NextItem<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let refused = self.refused;
        if let Some(target) = self.items.add() {
            return Reader { target, refused }.deserialize(deserializer);
        }
        refuse(refused, ReadError::TooManyItems);
        IgnoredAny::deserialize(deserializer).map(drop)
    }
}

/// The first refusal counts.
fn refuse(refused: &Cell<Option<ReadError>>, why: ReadError) {
    refused.set(refused.get().or(Some(why)));
}

/// Reads a name as the index of a field; none for another name.
struct Name<'t, 'de>(&'t mut dyn Object<'de>);

impl<'de> DeserializeSeed<'de> for Name<'_, 'de> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_, 'de> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.index(name))
    }
}
