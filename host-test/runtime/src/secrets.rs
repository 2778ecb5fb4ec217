//! The secrets of one configuration: nobody shows them, whoever says them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::description::{Authentication, Description, holds_secret, is_write_only};

/// Bytes of the shortest text that is searched for: shorter ones would make holes in everything.
const SHORTEST: usize = 6;
/// Access tokens that are remembered. Those before them have ended long ago.
const ISSUED: usize = 8;

/// The secret values of a configuration, the pairs of user and secret as they go over the wire, and the access tokens
/// that were issued for them: a service may send any of them back. Clones share what is added.
#[derive(Clone, Default)]
pub struct Secrets {
    configured: Arc<[String]>,
    issued: Arc<RwLock<VecDeque<String>>>,
}

impl Secrets {
    /// The values of all fields that the connector declares secret.
    pub(crate) fn of(description: &Description, config: &Map<String, Value>) -> Self {
        let mut secrets = Vec::new();
        let properties = description.config_schema.get("properties");
        for field in &description.secret_fields {
            let schema = properties.and_then(|properties| properties.get(field));
            if let Some(value) = config.get(field) {
                collect_secrets(schema, value, &mut secrets);
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
        // As a form holds it: what a token endpoint repeats of one.
        let in_forms: Vec<_> = secrets.iter().map(|secret| in_form(secret)).collect();
        secrets.extend(in_forms);
        secrets.retain(|secret| secret.len() >= SHORTEST);
        Self {
            configured: secrets.into(),
            issued: Arc::default(),
        }
    }

    /// Adds an access token that was issued for these secrets.
    pub(crate) fn add_issued(&self, token: &str) {
        let mut issued = self.issued.write().unwrap_or_else(PoisonError::into_inner);
        if token.len() < SHORTEST || issued.iter().any(|known| known == token) {
            return;
        }
        issued.push_back(token.to_owned());
        if issued.len() > ISSUED {
            issued.pop_front();
        }
    }

    /// A text without them.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut redacted = Cow::Borrowed(text);
        for secret in self.texts() {
            if redacted.contains(secret.as_str()) {
                redacted = Cow::Owned(redacted.replace(secret.as_str(), "…"));
            }
        }
        redacted
    }

    /// The texts to look for. A secret may hold another one: the longest go first.
    pub(crate) fn texts(&self) -> Vec<String> {
        let issued = self.issued.read().unwrap_or_else(PoisonError::into_inner);
        let mut texts: Vec<_> = self.configured.iter().chain(&*issued).cloned().collect();
        texts.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        texts.dedup();
        texts
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

/// A text as the body of a form holds it.
pub(crate) fn in_form(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The secret texts of a field: of an object whose members have schemas, those that are secret.
fn collect_secrets(schema: Option<&Value>, value: &Value, texts: &mut Vec<String>) {
    let members = schema
        .filter(|schema| !is_write_only(schema))
        .and_then(|schema| schema.get("properties"));
    let (Some(members), Some(object)) = (members, value.as_object()) else {
        return collect_texts(value, texts);
    };
    for (name, value) in object {
        let schema = members.get(name);
        if schema.is_none_or(holds_secret) {
            collect_secrets(schema, value, texts);
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_an_object_only_the_secret_members_are_hidden() {
        let description = Description {
            config_schema: json!({ "properties": { "client": { "properties": {
                "id": {},
                "secret": { "writeOnly": true },
            } } } }),
            secret_fields: vec!["client".to_owned()],
            ..Description::default()
        };
        let config = json!({ "client": { "id": "the-client", "secret": "the-secret" } });
        let secrets = Secrets::of(
            &description,
            &config.as_object().cloned().unwrap_or_default(),
        );
        let kept = secrets.clone();
        secrets.add_issued("a-token");
        let text = "the-client has the-secret (the%2Dsecret) and a-token";
        assert_eq!(kept.redact(text), "the-client has … (…) and …");
        for number in 0..ISSUED {
            secrets.add_issued(&format!("token-{number}"));
        }
        assert_eq!(kept.redact("a-token, token-0"), "a-token, …");
    }
}
