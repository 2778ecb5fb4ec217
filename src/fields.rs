//! A JSON object of an answer or of the state, from which values are taken by their names.
//!
//! Nothing in Atlassian's response schemas is required (OpenAPI of v2, June 2026), so a field that is
//! missing or null is none, and unknown ones are ignored. A field of another type is an error: a row that was
//! understood by half would be a loss in silence. (Derived deserializers for each shape would take a quarter
//! of the component's size, and so would a serializer of any JSON: that is why nothing is derived here.)

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::api::Endpoint;
use crate::error::{Error, Kind, Result};
use crate::value::{Object, Value};

/// Values of one body; 250 rows of any endpoint have a twentieth of them. A value takes up to 64 bytes of
/// memory and needs two in the body, so that a body far below its limit could need more than there is.
const MAX_VALUES: usize = 200_000;

/// The fields of one object.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// The endpoint that answered; none in the state.
    endpoint: Option<Endpoint>,
    fields: Object<'a>,
}

impl<'a> Fields<'a> {
    /// Reads a body. The parser's own words could quote what the other side sent, so only its verdict and the
    /// place are told.
    ///
    /// # Errors
    ///
    /// [`Kind::UnexpectedResponse`] where it is no JSON object.
    pub fn parse(endpoint: Endpoint, body: &'a [u8]) -> Result<Self> {
        if is_too_rich(body) {
            let what = format!("JSON of more than {MAX_VALUES} values");
            return Err(Error::unexpected(endpoint, what));
        }
        let what = match str::from_utf8(body).map(serde_json::from_str) {
            Ok(Ok(Value::Object(fields))) => {
                let endpoint = Some(endpoint);
                return Ok(Self { endpoint, fields });
            }
            Ok(Ok(_)) => "JSON that is no object".to_owned(),
            _ if body.is_empty() => "an empty body".to_owned(),
            _ if body.trim_ascii_start().starts_with(b"<") => "HTML instead of JSON".to_owned(),
            Ok(Err(error)) if error.is_eof() => "JSON that breaks off".to_owned(),
            Ok(Err(error)) => format!("no JSON (line {}, column {})", error.line(), error.column()),
            Err(_) => "no JSON (it is no UTF-8)".to_owned(),
        };
        Err(Error::unexpected(endpoint, what))
    }

    /// Reads a state.
    ///
    /// # Errors
    ///
    /// [`Kind::InvalidState`] where it is no JSON object.
    pub fn of_state(state: &'a str) -> Result<Self> {
        match serde_json::from_str(state) {
            Ok(Value::Object(fields)) => Ok(Self {
                endpoint: None,
                fields,
            }),
            _ => Err(unreadable()),
        }
    }

    /// Text.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.fields.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.into_owned())),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    /// An id: a string in v2, a number in v1, up to int64 in both. An empty one is none.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn id(&mut self, name: &str) -> Result<Option<String>> {
        match self.fields.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(number.to_string())),
            Some(Value::Text(id)) if id.is_empty() => Ok(None),
            Some(Value::Text(id)) => Ok(Some(id.into_owned())),
            Some(_) => Err(self.wrong(name, "an id")),
        }
    }

    /// An id that a key is made of: without it the row can't be told from others.
    ///
    /// # Errors
    ///
    /// It is missing or of another type.
    pub fn key(&mut self, name: &str) -> Result<String> {
        self.id(name)?.ok_or_else(|| self.wrong(name, "an id"))
    }

    /// A whole number.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>> {
        match self.fields.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(number)),
            Some(_) => Err(self.wrong(name, "a whole number")),
        }
    }

    /// True or false.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>> {
        match self.fields.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Boolean(value)) => Ok(Some(value)),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    /// An object within; an empty one where it is missing.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn object(&mut self, name: &str) -> Result<Self> {
        let empty = Self {
            endpoint: self.endpoint,
            fields: Object::default(),
        };
        Ok(self.optional(name)?.unwrap_or(empty))
    }

    /// An object within, where there is one.
    ///
    /// # Errors
    ///
    /// It is of another type.
    pub fn optional(&mut self, name: &str) -> Result<Option<Self>> {
        match self.fields.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.within(name, value).map(Some),
        }
    }

    /// The objects of a list, which must be there: an answer without its list is not one without rows.
    ///
    /// # Errors
    ///
    /// It is missing or of another type.
    pub fn objects(&mut self, name: &str) -> Result<Vec<Self>> {
        match self.fields.take(name) {
            Some(Value::List(values)) => values
                .into_iter()
                .map(|value| self.within(name, value))
                .collect(),
            _ => Err(self.wrong(name, "a list")),
        }
    }

    /// The texts of a list, which must be there.
    ///
    /// # Errors
    ///
    /// It is missing or of another type.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        let Some(Value::List(values)) = self.fields.take(name) else {
            return Err(self.wrong(name, "a list"));
        };
        let text = |value| match value {
            Value::Text(text) => Ok(text.into_owned()),
            _ => Err(self.wrong(name, "a list of texts")),
        };
        values.into_iter().map(text).collect()
    }

    /// Tells this object from others.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.fields.hash(&mut hasher);
        hasher.finish()
    }

    fn within(&self, name: &str, value: Value<'a>) -> Result<Self> {
        match value {
            Value::Object(fields) => Ok(Self {
                endpoint: self.endpoint,
                fields,
            }),
            _ => Err(self.wrong(name, "an object")),
        }
    }

    fn wrong(&self, name: &str, what: &str) -> Error {
        match self.endpoint {
            Some(endpoint) => {
                let message = format!("JSON of another shape ({name} is not {what})");
                Error::unexpected(endpoint, message)
            }
            None => unreadable(),
        }
    }
}

/// Counts what may begin a value, also where it stands within a text.
fn is_too_rich(body: &[u8]) -> bool {
    let begins = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    body.len() > MAX_VALUES && body.iter().filter(begins).count() > MAX_VALUES
}

/// The error of a state that is none.
pub(crate) fn unreadable() -> Error {
    let message = "the state can't be read; start afresh without one";
    Error::new(Kind::InvalidState, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_missing_is_none_and_what_is_wrong_is_an_error() {
        let body = br#"{"t":"x","n":null,"i":3000000000,"e":"","b":true,"o":{},"l":[{}],"w":[1]}"#;
        let mut fields = Fields::parse(Endpoint::Pages, body).unwrap();
        assert_eq!(fields.clone().text("t"), Ok(Some("x".to_owned())));
        assert_eq!(fields.text("n"), Ok(None));
        assert_eq!(fields.text("absent"), Ok(None));
        assert_eq!(fields.clone().id("i"), Ok(Some("3000000000".to_owned())));
        assert_eq!(fields.id("e"), Ok(None));
        assert_eq!(fields.clone().integer("i"), Ok(Some(3_000_000_000)));
        assert_eq!(fields.clone().boolean("b"), Ok(Some(true)));
        assert_eq!(fields.clone().objects("l").unwrap().len(), 1);
        assert!(fields.clone().object("o").is_ok());
        assert!(fields.clone().text("i").is_err());
        assert!(fields.clone().integer("t").is_err());
        assert!(fields.clone().boolean("t").is_err());
        assert!(fields.clone().object("l").is_err());
        assert!(fields.clone().objects("o").is_err());
        assert!(fields.clone().objects("w").is_err());
        assert!(fields.clone().key("absent").is_err());
        assert!(fields.key("e").is_err());
    }

    #[test]
    fn a_body_is_judged_without_being_quoted() {
        for (body, expected) in [
            ("", "an empty body"),
            ("<html>secret</html>", "HTML"),
            (r#"{"secret"#, "breaks off"),
            ("[]", "no object"),
            ("{secret}", "no JSON"),
            (&"[secret,".repeat(MAX_VALUES), "200000 values"),
        ] {
            let message = Fields::parse(Endpoint::Pages, body.as_bytes())
                .unwrap_err()
                .message;
            assert!(
                message.contains(expected) && !message.contains("secret"),
                "{message}"
            );
        }
    }
}
