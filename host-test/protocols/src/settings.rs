//! The configuration as Airbyte and Singer bring it: always with a token, since there nobody signs requests
//! for the component.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use confluence_cloud::config::SCHEMA;
use serde_json::{Map, Value};

use connector_runtime::connection::Connection;
use connector_runtime::engine::{Failure, FailureKind};
use connector_runtime::run::failure;

/// What is optional only where the host signs.
const CREDENTIALS: [&str; 2] = ["username", "api_token"];

/// The JSON Schema of the configuration, with the credentials required.
///
/// # Errors
///
/// None that is known: the schema was tested.
pub fn schema() -> Result<Value> {
    let mut schema: Value = serde_json::from_str(SCHEMA)?;
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.extend(CREDENTIALS.map(Value::from));
    }
    Ok(schema)
}

/// Reads the configuration. All but the credentials is the component's to judge.
///
/// # Errors
///
/// The file can't be read, or the credentials are missing.
pub fn connect(file: &Path) -> Result<Connection, Failure> {
    let config = std::fs::read_to_string(file)
        .with_context(|| format!("the configuration {} can't be read", file.display()))
        .map_err(failure(FailureKind::InvalidConfig))?;
    match missing(&config) {
        Some(field) => {
            let invalid = failure(FailureKind::InvalidConfig);
            Err(invalid(anyhow!("{field} is missing")))
        }
        None => Ok(Connection::new(&config)),
    }
}

fn missing(config: &str) -> Option<&'static str> {
    let fields: Map<String, Value> = serde_json::from_str(config).ok()?;
    let given = |field: &str| fields.get(field).is_some_and(|value| !value.is_null());
    CREDENTIALS.into_iter().find(|field| !given(field))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_credentials_are_required() {
        let required = schema().unwrap();
        let required = required.get("required").unwrap();
        assert_eq!(
            required,
            &serde_json::json!(["base_url", "username", "api_token"])
        );
        for (config, expected) in [
            (r#"{"username":"a","api_token":"b"}"#, None),
            (r#"{"username":"a","api_token":null}"#, Some("api_token")),
            (r#"{"api_token":"b"}"#, Some("username")),
            ("{", None),
        ] {
            assert_eq!(missing(config), expected, "{config}");
        }
    }
}
