//! The value of a secret field.

use std::path::Path;

use anyhow::Result;
use connector_destinations::{ownership, text_file};
use serde_json::Value;

use super::ConfigError;

/// Whether the field has a value that says where the secret is, other than with the host.
pub(super) fn is_given(value: &Value) -> bool {
    !value.is_null() && !is_held_by_host(value)
}

/// Whether the secret itself is in the configuration.
pub(super) fn is_written_out(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name != "file" && is_written_out(value)),
        _ => false,
    }
}

/// Whether the value says that the host signs: `{"held_by_host": true}`.
pub(super) fn is_held_by_host(value: &Value) -> bool {
    value.get("held_by_host") == Some(&Value::Bool(true))
}

/// Replaces `{"file": "…"}` by what the file holds, in the value or in its members.
pub(super) fn read_from_files(field: &str, value: &mut Value) -> Result<(), ConfigError> {
    let Some(fields) = value.as_object_mut() else {
        return Ok(());
    };
    let Some(file) = fields.get("file").filter(|_| fields.len() == 1) else {
        return fields
            .iter_mut()
            .try_for_each(|(name, value)| read_from_files(&format!("{field}.{name}"), value));
    };
    let Some(file) = file.as_str() else {
        let message = format!("{field}: file has to be the path of a file, as a text");
        return Err(ConfigError::invalid(message));
    };
    let secret = read(Path::new(file)).map_err(|error| {
        ConfigError::Unreadable(error.context(format!("{field} cannot be read from its file")))
    })?;
    *value = Value::String(secret);
    Ok(())
}

/// Reads a file that holds a secret alone.
pub(super) fn read(file: &Path) -> Result<String> {
    ownership::warn_if_open_to_others(file);
    Ok(text_file::read(file)?.trim_ascii().to_owned())
}

/// Refuses a secret with characters that no service hands out: they come along when a person copies it.
pub(super) fn check(field: &str, value: &Value) -> Result<(), ConfigError> {
    if let Some(fields) = value.as_object() {
        return fields
            .iter()
            .try_for_each(|(name, value)| check(&format!("{field}.{name}"), value));
    }
    let Some(text) = value.as_str().map(str::trim_ascii) else {
        return Ok(());
    };
    let odd = |character: &char| !matches!(character, '!'..='~' | ' ');
    let found = text
        .chars()
        .enumerate()
        .find(|(_, character)| odd(character));
    let Some((index, character)) = found else {
        return Ok(());
    };
    let message = format!(
        "{field} holds the character U+{:04X} at place {} of {}; copy it again without it",
        u32::from(character),
        index + 1,
        text.chars().count()
    );
    Err(ConfigError::invalid(message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_an_odd_character_is_named() {
        for (token, expected) in [
            ("ATATT3x=-_", None),
            (" ATATT3x\n", None),
            ("AT\u{200b}ATT", Some("U+200B at place 3 of 6")),
            ("\u{feff}ATATT", Some("U+FEFF at place 1 of 6")),
            ("ATATé", Some("U+00E9 at place 5 of 5")),
            ("ATATT\u{a0}", Some("U+00A0 at place 6 of 6")),
            ("AT\nATT", Some("U+000A at place 3 of 6")),
        ] {
            let found = check("api_token", &json!(token)).err();
            let found = found.map(|error| error.into_failure().message);
            match expected {
                None => assert_eq!(found, None, "{token:?}"),
                Some(place) => assert!(found.unwrap().contains(place), "{token:?}"),
            }
        }
        let member = check("oauth", &json!({ "client_secret": "a\u{200b}b" }));
        let message = member.err().map(|error| error.into_failure().message);
        assert!(message.unwrap().starts_with("oauth.client_secret holds"));
    }
}
