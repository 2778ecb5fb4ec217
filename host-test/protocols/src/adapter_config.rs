//! The configuration of a run: from a file, with the secret where the user keeps it.
//!
//! The secret is the text of a token file, else what the configuration says, else a variable of the environment. In
//! the configuration it is the secret itself or `{"file": "…"}`. All but that is for the component to judge.

mod secret;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use connector_destinations::{ownership, text_file};
use connector_runtime::connection::Signing;
use connector_runtime::contract::FailureKind;
use connector_runtime::description::{Authentication, Description};
use connector_runtime::failure::Failure;
use serde_json::{Map, Value};

/// The member of an OAuth client that holds its secret.
const CLIENT_SECRET: &str = "client_secret";

/// Where the configuration and its secret come from.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    /// A JSON file; `-` for standard input.
    pub file: PathBuf,
    /// A file that holds the secret alone.
    pub token_file: Option<PathBuf>,
    /// A variable of the environment that holds the secret, where nothing else does.
    pub token_variable: &'static str,
    /// A variable of the environment that holds the secret of the configuration's OAuth client, where that does not.
    pub client_secret_variable: &'static str,
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// A file cannot be read.
    Unreadable(anyhow::Error),
    /// The user has to change the configuration.
    Invalid(Failure),
}

impl ConfigError {
    fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(Failure::new(FailureKind::InvalidConfig, message))
    }

    /// As a failure, for whoever reports nothing else.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Unreadable(error) => Failure::from_error(FailureKind::InvalidConfig)(error),
            Self::Invalid(failure) => failure,
        }
    }
}

/// A configuration whose secret is in place.
#[derive(Debug, Clone)]
pub struct LoadedConfig {
    /// The JSON.
    pub text: String,
    /// Who signs: the host where the configuration says that it holds the secret.
    pub signing: Signing,
}

/// Reads the configuration, and puts its secret in place.
///
/// # Errors
///
/// A file cannot be read, or a secret is no text that can be sent.
pub fn load(description: &Description, source: &ConfigSource) -> Result<LoadedConfig, ConfigError> {
    let text = text_file::read(&source.file).map_err(ConfigError::Unreadable)?;
    resolve(description, text, source)
}

/// Puts the secret of a configuration in place that was read from `source.file`.
///
/// A text that is not a JSON object is handed on as it is: the component says what is wrong with it.
///
/// # Errors
///
/// A file cannot be read, or a secret is no text that can be sent.
pub fn resolve(
    description: &Description,
    text: String,
    source: &ConfigSource,
) -> Result<LoadedConfig, ConfigError> {
    let mut signing = Signing::Guest;
    let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(&text) else {
        return Ok(LoadedConfig { text, signing });
    };
    warn_of_others(description, &fields, &source.file);
    for field in &description.secret_fields {
        if let Some(value) = fields.get_mut(field) {
            secret::read_from_files(field, value)?;
        }
    }
    let mut ways = description.authentication.iter();
    if let Some(field) = ways.find_map(Authentication::secret_field) {
        if fields.get(field).is_some_and(secret::is_held_by_host) {
            signing = Signing::Host;
        }
        let client = description.oauth_client.as_ref();
        let client = client.and_then(|client| fields.get_mut(client)?.as_object_mut());
        match client {
            Some(client) if source.token_file.is_none() => set_client_secret(client, source),
            _ => set_token(&mut fields, field, source)?,
        }
    }
    for field in &description.secret_fields {
        if let Some(value) = fields.get(field) {
            secret::check(field, value)?;
        }
    }
    let text = Value::Object(fields).to_string();
    Ok(LoadedConfig { text, signing })
}

/// Puts the token into its field, from the first place that has one.
fn set_token(
    fields: &mut Map<String, Value>,
    field: &str,
    source: &ConfigSource,
) -> Result<(), ConfigError> {
    let token = match &source.token_file {
        Some(file) => Some(secret::read(file).map_err(ConfigError::Unreadable)?),
        None if fields.get(field).is_some_and(secret::is_given) => None,
        None => std::env::var(source.token_variable).ok(),
    };
    if let Some(token) = token {
        fields.insert(field.to_owned(), token.trim().into());
    }
    Ok(())
}

/// An OAuth client that is configured comes before a token of the environment. Its secret may be there as well.
fn set_client_secret(client: &mut Map<String, Value>, source: &ConfigSource) {
    let is_missing = client.get(CLIENT_SECRET).is_none_or(Value::is_null);
    if let (true, Ok(secret)) = (is_missing, std::env::var(source.client_secret_variable)) {
        client.insert(CLIENT_SECRET.to_owned(), secret.trim().into());
    }
}

fn warn_of_others(description: &Description, fields: &Map<String, Value>, file: &Path) {
    let mut secrets = description.secret_fields.iter();
    let holds_secret = secrets.any(|field| fields.get(field).is_some_and(secret::is_written_out));
    ownership::warn_of_configuration(file, holds_secret);
}
