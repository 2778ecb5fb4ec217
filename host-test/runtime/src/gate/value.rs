//! Reads one JSON value, and counts the values within it: their memory is many times that of their text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a value as `serde_json` does, but no more of them than are left.
pub(super) struct ValueSeed<'c>(&'c mut usize);

impl<'c> ValueSeed<'c> {
    pub(super) fn new(left: &'c mut usize) -> Self {
        Self(left)
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        *self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| D::Error::custom("the batch holds too many values"))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(ValueSeed(self.0))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = values.next_key::<String>()? {
            map.insert(name, values.next_value_seed(ValueSeed(self.0))?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: &str, mut left: usize) -> (serde_json::Result<Value>, usize) {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = ValueSeed::new(&mut left).deserialize(&mut deserializer);
        (value, left)
    }

    #[test]
    fn an_object_besides_rows_holds_so_many_values_and_no_more() {
        use crate::gate::parse_object;
        assert!(parse_object(r#"{"a":[1,{"b":null}]} "#).is_some());
        for refused in ["[]", "{", "{} {}", "7", ""] {
            assert!(parse_object(refused).is_none(), "{refused}");
        }
        let many = |count| format!(r#"{{"x":[{}0]}}"#, "[],".repeat(count));
        assert!(parse_object(&many(10_000)).is_some());
        assert!(parse_object(&many(100_000)).is_none());
    }

    #[test]
    fn values_are_those_of_serde_json_and_counted() {
        for (json, values) in [
            ("null", 1),
            ("-7", 1),
            ("18446744073709551615", 1),
            ("1.5e3", 1),
            (r#""a\u00e9\n""#, 1),
            ("[]", 1),
            (r#"{"a":[true,{"b":null,"c":"x"}],"a":-1}"#, 7),
        ] {
            let (value, left) = read(json, 100);
            let expected: Value = serde_json::from_str(json).unwrap();
            assert_eq!((value.unwrap(), 100 - left), (expected, values), "{json}");
            let (refused, _) = read(json, values - 1);
            let error = refused.unwrap_err().to_string();
            assert!(
                error.starts_with("the batch holds too many values"),
                "{error}"
            );
        }
    }
}
