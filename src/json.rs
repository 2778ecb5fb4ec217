//! JSON objects on their way out.
//!
//! By hand, because it is measured: every row is written once and the state after every few requests, and a
//! serializer of anything took a third of a run's time in the sandbox and 10 KB of the component.

use std::fmt::Write as _;

/// Bytes set aside for an object: most rows have no more, and none has many more.
const ROW: usize = 512;

/// What can be written as JSON.
pub trait ToJson {
    /// The JSON text.
    fn to_json(&self) -> String;
}

/// An object that is being written, field after field.
#[derive(Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        let mut text = String::with_capacity(ROW);
        text.push('{');
        Self(text)
    }
}

impl Object {
    /// An object that begins with a text.
    #[must_use]
    pub fn with(name: &str, value: &str) -> Self {
        Self::default().text(name, Some(value))
    }

    /// Adds a text or null.
    #[must_use]
    pub fn text(mut self, name: &str, value: Option<&str>) -> Self {
        self.name(name);
        push_text_or_null(&mut self.0, value);
        self
    }

    /// Adds a whole number or null.
    #[must_use]
    pub fn integer(self, name: &str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.raw(name, &value.to_string()),
            None => self.raw(name, "null"),
        }
    }

    /// Adds true, false or null.
    #[must_use]
    pub fn boolean(self, name: &str, value: Option<bool>) -> Self {
        self.raw(
            name,
            value.map_or("null", |value| if value { "true" } else { "false" }),
        )
    }

    /// Adds a list of texts.
    #[must_use]
    pub fn texts<'a>(mut self, name: &str, values: impl Iterator<Item = &'a str>) -> Self {
        self.name(name);
        self.0.push_str(&List::of(values).to_json());
        self
    }

    /// Adds a list of objects.
    #[must_use]
    pub fn objects<T: ToJson>(self, name: &str, values: &[T]) -> Self {
        let values: Vec<_> = values.iter().map(T::to_json).collect();
        self.raw(name, &format!("[{}]", values.join(",")))
    }

    /// Adds what is JSON already.
    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    /// The finished text.
    #[must_use]
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        let before = if self.0.len() > 1 { ",\"" } else { "\"" };
        self.0.extend([before, name, "\":"]);
    }
}

/// A list of texts that grows.
#[derive(Debug, Default)]
pub struct List(String);

impl List {
    /// A list of these texts.
    pub fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        values.for_each(|value| list.push(value));
        list
    }

    /// Adds a text.
    pub fn push(&mut self, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        push_text_or_null(&mut self.0, Some(value));
    }
}

impl ToJson for List {
    fn to_json(&self) -> String {
        format!("[{}]", self.0)
    }
}

fn push_text_or_null(out: &mut String, text: Option<&str>) {
    let Some(text) = text else {
        return out.push_str("null");
    };
    out.push('"');
    let mut rest = text;
    while let Some(place) = rest
        .bytes()
        .position(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
    {
        let (plain, special) = rest.split_at_checked(place).unwrap_or_default();
        out.push_str(plain);
        let mut special = special.chars();
        match special.next().unwrap_or_default() {
            mark @ ('"' | '\\') => out.extend(['\\', mark]),
            // Writing to a text can't fail.
            control => drop(write!(out, "\\u{:04x}", u32::from(control))),
        }
        rest = special.as_str();
    }
    out.extend([rest, "\""]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn it_reads_as_what_was_written(
            text in proptest::option::of("(\\PC|[\u{0}-\u{1f}\"\\\\]){0,20}"),
            list in proptest::collection::vec("(\\PC|[\u{0}-\u{1f}\"\\\\]){0,8}", 0..4),
            integer in proptest::option::of(any::<i64>()),
            boolean in proptest::option::of(any::<bool>()),
        ) {
            let written = Object::default()
                .text("text", text.as_deref())
                .texts("list", list.iter().map(String::as_str))
                .integer("integer", integer)
                .boolean("boolean", boolean)
                .end();
            let expected = json!({ "text": text, "list": list, "integer": integer, "boolean": boolean });
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
        }
    }

    #[test]
    fn an_object_may_be_empty_or_hold_others() {
        assert_eq!(Object::default().end(), "{}");
        let inner = Object::with("a", "b").end();
        let outer = Object::default()
            .raw("inner", &inner)
            .integer("n", Some(-1))
            .end();
        assert_eq!(outer, r#"{"inner":{"a":"b"},"n":-1}"#);
    }
}
