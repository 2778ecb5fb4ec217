//! Whether a configuration is good: every endpoint gets the smallest request there is.
//!
//! The gateway looks at scopes before it looks at anything else, so a page that doesn't exist serves as well
//! as one that does: a 401 says that the scope is missing, any other refusal that it is there (measured
//! 2026-08-20, markfluence `docs/confluence/api.md`).

mod found;
mod probes;
#[cfg(test)]
mod tests;

use self::found::Found;
use self::probes::probe_all;
use crate::client::{Client, Platform};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// What the credentials may do at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its streams can be read.
    Granted,
    /// Its streams can't be read.
    Denied,
    /// It isn't to be had on this site, and the streams go without it.
    Unavailable,
    /// An earlier answer settled the matter.
    Unchecked,
}

/// What was found at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAccess {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What the credentials may do there.
    pub access: Access,
    /// More, for a person.
    pub detail: Option<String>,
}

/// What was found. The configuration is good when there is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// What is wrong.
    pub error: Option<Error>,
    /// Every endpoint that the streams need.
    pub endpoints: Vec<EndpointAccess>,
}

/// Validates a configuration: sends each endpoint one request.
pub async fn validate<P: Platform>(platform: &P, config: &Config) -> Validation {
    let mut found = Found::default();
    let client = Client::new(platform, config);
    let fatal = probe_all(&client, &mut found).await.err();
    found.into_validation(fatal)
}

/// What is found of a configuration that cannot be read.
#[must_use]
pub fn invalid_config(error: Error) -> Validation {
    Found::default().into_validation(Some(error))
}
