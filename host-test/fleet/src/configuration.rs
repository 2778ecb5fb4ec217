//! What a new connection may be called and configured with.
//!
//! A configuration is stored as it is, but for its secret fields, which are encrypted. A field that the connector does not
//! know may hold a secret too, such as one whose name is mistyped, so that it is refused and not stored in clear. No message
//! shows a value.

use anyhow::{Context as _, Result, bail, ensure};
use connector_runtime::description::Description;
use connector_runtime::printable::printable_within;
use serde_json::{Map, Value};

use crate::secrets::refuse_own_variable;

/// Bytes of a name at most.
const MAX_NAME: usize = 200;
/// Bytes of a field's name that a message shows.
const SHOWN: usize = 100;

/// Checks the name of a new connection.
///
/// # Errors
///
/// It is empty or too long, or a terminal would not simply show it.
pub fn check_name(name: &str) -> Result<()> {
    ensure!(
        !name.trim().is_empty(),
        "the name of a connection must not be empty"
    );
    ensure!(
        name.len() <= MAX_NAME,
        "the name of a connection has {MAX_NAME} bytes at most; this one has {}",
        name.len()
    );
    ensure!(
        !name.chars().any(char::is_control),
        "the name of a connection must not have control characters"
    );
    Ok(())
}

/// Checks a configuration that is to be stored, and cuts off of its base URL what does not count.
///
/// # Errors
///
/// Something in it would be stored in clear that may be a secret, or the base URL is none.
pub fn check(description: &Description, config: &mut Map<String, Value>) -> Result<()> {
    let schema = &description.config_schema;
    for (field, value) in config.iter() {
        let is_secret = description.secret_fields.contains(field);
        check_field(schema, field, field, value, is_secret)?;
    }
    let field = &description.base_url_field;
    let url = config.get(field).and_then(Value::as_str);
    let url = url.with_context(|| format!("{field} is missing in the configuration"))?;
    let url = check_base_url(field, url)?;
    config.insert(field.clone(), url.into());
    Ok(())
}

/// Checks one field by its part of the schema; `path` is its name for a person.
fn check_field(
    schema: &Value,
    path: &str,
    field: &str,
    value: &Value,
    is_secret: bool,
) -> Result<()> {
    let shown = printable_within(path, SHOWN);
    let properties = schema.get("properties").and_then(Value::as_object);
    let schema = properties.and_then(|properties| properties.get(field));
    let schema = schema.with_context(|| {
        format!(
            "the connector knows no field {shown:?}; nothing was stored, as it may hold a secret. Correct its name, or \
             take it out of the configuration"
        )
    })?;
    ensure!(
        !has_nul(value),
        "{shown} holds the character NUL, which PostgreSQL does not store; nothing was stored"
    );
    match value {
        Value::Object(members) if is_reference(members) => {
            ensure!(
                is_secret,
                "{shown} has to be written out: only a secret may be {{\"file\": …}} or {{\"env\": …}}; nothing was stored"
            );
            let variable = members.get("env").and_then(Value::as_str);
            variable.map_or(Ok(()), |variable| {
                refuse_own_variable(variable)
                    .with_context(|| format!("{shown}; nothing was stored"))
            })
        }
        Value::Object(members) if schema.get("properties").is_some() => {
            members.iter().try_for_each(|(member, value)| {
                let path = format!("{path}.{member}");
                check_field(schema, &path, member, value, is_secret)
            })
        }
        Value::Array(items) if !is_secret && items.iter().all(is_scalar) => Ok(()),
        Value::String(_) | Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) if !is_secret => Ok(()),
        _ if is_secret => {
            bail!("{shown} has to be a text, {{\"file\": …}} or {{\"env\": …}}; nothing was stored")
        }
        _ => bail!("{shown} has a value of the wrong kind; nothing was stored"),
    }
}

/// A reference says where a value is, and nothing else.
fn is_reference(members: &Map<String, Value>) -> bool {
    let mut members = members.iter();
    let is_one = members
        .next()
        .is_some_and(|(name, value)| match name.as_str() {
            "file" | "env" => value.is_string(),
            "held_by_host" => *value == true,
            _ => false,
        });
    is_one && members.next().is_none()
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        _ => false,
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// The base URL with its scheme, and without a query and what follows it, which are no part of a site.
fn check_base_url(field: &str, url: &str) -> Result<String> {
    let url = url.trim();
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    let authority = rest.split('/').next().unwrap_or_default();
    ensure!(
        is_web && !authority.is_empty(),
        "{field} has to begin with https:// and a host; nothing was stored"
    );
    ensure!(
        !authority.contains('@'),
        "{field} must not hold a user or a password, which would be stored in clear; nothing was stored. Take out what \
         stands before the @"
    );
    Ok(format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests;
