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
    issued: Arc<RwLock<VecDeque<Vec<String>>>>,
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
        secrets.retain(|secret| secret.len() >= SHORTEST);
        Self {
            configured: secrets.iter().flat_map(|secret| forms(secret)).collect(),
            issued: Arc::default(),
        }
    }

    /// These texts, such as the password of a database. Those of less than four bytes would make holes in everything.
    pub fn of_texts(texts: impl IntoIterator<Item = String>) -> Self {
        let texts = texts.into_iter().filter(|text| text.len() >= 4);
        Self {
            configured: texts.flat_map(|text| forms(&text)).collect(),
            issued: Arc::default(),
        }
    }

    /// Adds an access token that was issued for these secrets.
    pub(crate) fn add_issued(&self, token: &str) {
        let mut issued = self.issued.write().unwrap_or_else(PoisonError::into_inner);
        let known = |issued: &Vec<String>| issued.iter().any(|form| form == token);
        if token.len() < SHORTEST || issued.iter().any(known) {
            return;
        }
        issued.push_back(forms(token));
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

    /// The texts to look for: each secret in all its forms. A secret may hold another one: the longest go first.
    pub(crate) fn texts(&self) -> Vec<String> {
        let issued = self.issued.read().unwrap_or_else(PoisonError::into_inner);
        let mut texts: Vec<_> = self
            .configured
            .iter()
            .chain(issued.iter().flatten())
            .cloned()
            .collect();
        texts.sort_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
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

/// A text as it is, and as JSON, URLs and forms escape it.
fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    // A name of a header, for one, cannot hold the padding of base64, which has up to two characters. Without more of them
    // a text may be a word, or nothing.
    let unpadded = text.trim_end_matches('=');
    if unpadded.len() + 2 >= SHORTEST {
        forms.push(unpadded.to_owned());
    }
    let mut escaped = |special: &[char], escape: &dyn Fn(char) -> String| {
        if text.contains(special) {
            let form = text.chars().map(|character| {
                if special.contains(&character) {
                    escape(character)
                } else {
                    character.to_string()
                }
            });
            forms.push(form.collect());
        }
    };
    escaped(&['/'], &|character| format!("\\{character}"));
    let reserved = ['/', '+', '=', ':', '@', '&', '%', '?', '#', '$', ' '];
    escaped(&reserved, &|character| {
        format!("%{:02X}", u32::from(character))
    });
    escaped(&reserved, &|character| {
        format!("%{:02x}", u32::from(character))
    });
    escaped(&['/', '=', '&', '+', '<', '>', '"', '\''], &|character| {
        format!("\\u{:04x}", u32::from(character))
    });
    let quoted = Value::from(text).to_string();
    let quoted = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    forms.extend(quoted.map(str::to_owned));
    forms.extend(with_escaped_bytes(text));
    forms
}

/// A text with all of its bytes escaped, or with those that are no letter or digit, as a form has them.
fn with_escaped_bytes(text: &str) -> Vec<String> {
    let percent: [fn(u8) -> String; 2] =
        [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")];
    let json: [fn(u8) -> String; 2] = [
        |byte| format!("\\u{byte:04X}"),
        |byte| format!("\\u{byte:04x}"),
    ];
    let all = |escape: fn(u8) -> String| text.bytes().map(escape).collect();
    let special = |escape: fn(u8) -> String| {
        let each = |byte: u8| {
            let plain = byte
                .is_ascii_alphanumeric()
                .then(|| char::from(byte).to_string());
            plain.unwrap_or_else(|| escape(byte))
        };
        text.bytes().map(each).collect()
    };
    let everywhere = percent.into_iter().chain(json).map(all);
    everywhere.chain(percent.map(special)).collect()
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
    fn texts_of_which_somebody_knows_are_hidden_unless_they_are_a_word() {
        let secrets = Secrets::of_texts(["p@ss".to_owned(), "the".to_owned()]);
        assert_eq!(secrets.redact("the p@ss is p%40ss"), "the … is …");
    }

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
        for padding in ["========", "ab======"] {
            secrets.add_issued(padding);
            assert_eq!(kept.redact("about"), "about");
            assert_eq!(kept.redact(padding), "…");
        }
        let odd = r#"a/b-c"d e"#;
        secrets.add_issued(odd);
        for shown in [
            odd,
            r#"a\/b-c"d e"#,
            r#"a/b-c\"d e"#,
            r"a\u002fb-c\u0022d e",
            "a%2Fb%2Dc%22d%20e",
            "a%2fb%2dc%22d%20e",
        ] {
            assert_eq!(kept.redact(shown), "…", "{shown}");
        }
    }
}
