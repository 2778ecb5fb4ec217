//! The one error of the crate: what went wrong, who must act, and what they should read.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use crate::endpoint::Endpoint;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who must act, from the wire to the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The user: the configuration can't be read or can't be right.
    InvalidConfig,
    /// The user: the service doesn't know this token, account or site.
    InvalidCredentials,
    /// The user: the service knows the token and refuses.
    InvalidPermissions,
    /// The user: the state is unreadable, newer, or of another site.
    InvalidState,
    /// Nobody: the service asks for a longer wait than patience allows.
    RateLimited,
    /// Nobody: the service or the network failed, also when asked again.
    Unavailable,
    /// Nobody: everything was delivered but what is set aside; the next run starts with that.
    Incomplete,
    /// The authors: an answer that nobody foresaw.
    UnexpectedResponse,
    /// Nobody: the sink said stop.
    Cancelled,
}

impl Kind {
    /// The name that people and programs see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidConfig => "invalid_config",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidPermissions => "invalid_permissions",
            Self::InvalidState => "invalid_state",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Incomplete => "incomplete",
            Self::UnexpectedResponse => "unexpected_response",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a call failed.
///
/// One pointer: every `?` on the way of an error moves it, and each of the many futures drops it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .0.kind, .0.message)]
pub struct Error(Box<ErrorFacts>);

/// What there is to know of an error.
///
/// `message` is for a person; it never holds a secret or a query string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFacts {
    /// Who must act.
    pub kind: Kind,
    /// What is wrong and what to do.
    pub message: String,
    /// The endpoint that answered or should have.
    pub endpoint: Option<Endpoint>,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
    /// When another try makes sense, where the service said so.
    pub retry_after: Option<Duration>,
    /// A JSON object with more facts: the summary of a run that failed.
    pub details: Option<String>,
}

impl Deref for Error {
    type Target = ErrorFacts;

    fn deref(&self) -> &ErrorFacts {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut ErrorFacts {
        &mut self.0
    }
}

impl Error {
    /// An error that no single answer caused.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorFacts {
            kind,
            message: message.into(),
            endpoint: None,
            http_status: None,
            retry_after: None,
            details: None,
        }))
    }

    /// What there is to know of it.
    #[must_use]
    pub fn into_facts(self) -> ErrorFacts {
        *self.0
    }

    /// An answer of `endpoint` that can't be understood.
    pub fn unexpected(endpoint: Endpoint, message: impl fmt::Display) -> Self {
        Self::new(
            Kind::UnexpectedResponse,
            format!(
                "{message}, from {endpoint}; please report it to the authors of this connector"
            ),
        )
        .at(endpoint)
    }

    /// Names the endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Adds a JSON object with more facts.
    #[must_use]
    pub fn with_details(mut self, details: String) -> Self {
        self.details = Some(details);
        self
    }

    /// Names the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }
}
