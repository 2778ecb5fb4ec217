//! The one reader of JSON, which serves every target.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Items, Object, ReadError, Target};
use crate::wire::Value;

/// Reads JSON into a target.
pub(super) fn read_into<'de>(
    target: &mut dyn Target<'de>,
    json: &'de [u8],
) -> Result<(), ReadError> {
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

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}
