//! A JSON value that was read: its texts stay in the body that it was read from, unless they are escaped there.
//!
//! Not `serde_json::Value`, because it is measured: that one copies every text and every name and sorts the names,
//! which took a third of the sandbox's time for an answer.

use std::borrow::Cow;
use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// Null.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number that fits.
    Integer(i64),
    /// Any other number: the service has none that matters.
    Number,
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// An object: names and values, in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The value of a name; of a name that comes twice the last one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let mut fields = self.0.iter().rev();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Takes the value of a name, and leaves null.
    pub fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let mut fields = self.0.iter_mut().rev();
        let field = fields.find(|(known, _)| known == name);
        field.map(|(_, value)| std::mem::take(value))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl Value<'_> {
    /// Within an object, the value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// Within a list, the first value.
    #[must_use]
    pub fn first(&self) -> Option<&Self> {
        match self {
            Self::List(values) => values.first(),
            _ => None,
        }
    }

    /// The text that it is.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(value).map_or(Value::Number, Value::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = object.next_entry()? {
            // The parser lets nothing but a text be a name.
            if let Value::Text(name) = name {
                fields.push((name, value));
            }
        }
        Ok(Value::Object(Object(fields)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            (-1e300..1e300).prop_map(|number: f64| number.into()),
            "(\\PC|[\u{0}-\u{1f}\"\\\\]){0,10}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let name = "(\\PC|[\"\\\\]){0,5}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((name, inner), 0..6).prop_map(|fields| fields
                    .into_iter()
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
            ]
        })
    }

    fn same(read: &Value<'_>, expected: &serde_json::Value) -> bool {
        match (read, expected) {
            (Value::Null, serde_json::Value::Null) => true,
            (Value::Boolean(read), serde_json::Value::Bool(expected)) => read == expected,
            (Value::Integer(read), expected) => expected.as_i64() == Some(*read),
            (Value::Number, expected) => expected.is_number() && expected.as_i64().is_none(),
            (Value::Text(read), serde_json::Value::String(expected)) => read == expected,
            (Value::List(read), serde_json::Value::Array(expected)) => {
                read.len() == expected.len() && read.iter().zip(expected).all(|(a, b)| same(a, b))
            }
            (Value::Object(read), serde_json::Value::Object(expected)) => {
                read.0.len() == expected.len()
                    && expected
                        .iter()
                        .all(|(name, value)| read.get(name).is_some_and(|read| same(read, value)))
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(json in json()) {
            let text = json.to_string();
            let read = serde_json::from_str(&text).unwrap();
            prop_assert!(same(&read, &json), "{read:?} of {text}");
        }
    }

    #[test]
    fn texts_stay_where_they_are() {
        let body = br#"{"plain":"a","escaped":"\n"}"#;
        let mut value: Value<'_> = serde_json::from_slice(body).unwrap();
        let Value::Object(object) = &mut value else {
            unreachable!()
        };
        let borrowed = |value| matches!(value, Some(Value::Text(Cow::Borrowed("a"))));
        assert!(borrowed(object.take("plain")));
        assert_eq!(object.take("plain"), Some(Value::Null));
        assert_eq!(object.names().collect::<Vec<_>>(), ["plain", "escaped"]);
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_one_counts() {
        let mut value: Value<'_> = serde_json::from_slice(br#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(value.get("a"), Some(&Value::Integer(3)));
        let Value::Object(object) = &mut value else {
            unreachable!()
        };
        assert_eq!(object.take("a"), Some(Value::Integer(3)));
        assert_eq!(object.take("a"), Some(Value::Null));
        assert_eq!(object.take("c"), None);
    }
}
