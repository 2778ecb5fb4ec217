//! The secrets of one configuration: nobody shows them, whoever says them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::description::{Authentication, Description};

/// Bytes of the shortest text that is searched for: shorter ones would make holes in everything.
const SHORTEST: usize = 6;

/// The secret values of a configuration, and the pairs of user and secret as they go over the wire: a service
/// may send any of them back.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// The values of all fields that the connector declares secret.
    pub(crate) fn of(description: &Description, config: &Map<String, Value>) -> Self {
        let mut secrets = Vec::new();
        for field in &description.secret_fields {
            if let Some(value) = config.get(field) {
                collect_texts(value, &mut secrets);
            }
        }
        for authentication in &description.authentication {
            if let Authentication::Basic { username, secret } = authentication {
                let text = |field| Some(config.get(field)?.as_str()?.trim());
                if let (Some(username), Some(secret)) = (text(username), text(secret)) {
                    secrets.push(STANDARD.encode(format!("{username}:{secret}")));
                }
            }
        }
        secrets.retain(|secret| secret.len() >= SHORTEST);
        // A secret may hold another one: the longest go first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets)
    }

    /// A text without them.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut redacted = Cow::Borrowed(text);
        for secret in &self.0 {
            if redacted.contains(secret.as_str()) {
                redacted = Cow::Owned(redacted.replace(secret.as_str(), "…"));
            }
        }
        redacted
    }

    /// The texts to look for.
    pub(crate) fn texts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

/// A secret may be an object or a list, such as a pair of id and secret.
fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            texts.push(text.trim().to_owned());
        }
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(object) => object
            .values()
            .for_each(|value| collect_texts(value, texts)),
        _ => {}
    }
}
