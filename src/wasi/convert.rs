//! This crate's types as those of the contract.

use super::bindings::dx::connector::types;
use super::bindings::exports::dx::connector::source::{StreamInfo, Validation};
use crate::error::{Error, Kind};
use crate::stream::{Mode, Stream};
use crate::timestamp::millis;
use crate::validate::{self, EndpointAccess};

pub(super) fn failure(error: Error) -> types::Failure {
    let error = error.into_facts();
    types::Failure {
        kind: error.kind.into(),
        message: error.message,
        endpoint: error.endpoint.map(|endpoint| endpoint.as_str().to_owned()),
        http_status: error.http_status,
        retry_after_ms: error.retry_after.map(millis),
        details: error.details,
    }
}

impl From<validate::Validation> for Validation {
    fn from(found: validate::Validation) -> Self {
        Self {
            error: found.error.map(failure),
            endpoints: found.endpoints.into_iter().map(Into::into).collect(),
            details: None,
        }
    }
}

impl From<types::Mode> for Mode {
    fn from(mode: types::Mode) -> Self {
        match mode {
            types::Mode::Full => Self::Full,
            types::Mode::Incremental => Self::Incremental,
        }
    }
}

impl From<Mode> for types::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Full => Self::Full,
            Mode::Incremental => Self::Incremental,
        }
    }
}

impl From<Kind> for types::FailureKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::InvalidConfig => Self::InvalidConfig,
            Kind::InvalidCredentials => Self::InvalidCredentials,
            Kind::InvalidPermissions => Self::InvalidPermissions,
            Kind::InvalidState => Self::InvalidState,
            Kind::RateLimited => Self::RateLimited,
            Kind::Unavailable => Self::Unavailable,
            Kind::Incomplete => Self::Incomplete,
            Kind::UnexpectedResponse => Self::UnexpectedResponse,
            Kind::Cancelled => Self::Cancelled,
        }
    }
}

impl From<EndpointAccess> for types::EndpointAccess {
    fn from(found: EndpointAccess) -> Self {
        Self {
            endpoint: found.endpoint.as_str().to_owned(),
            scope: found.endpoint.scope().to_owned(),
            access: match found.access {
                validate::Access::Granted => types::Access::Granted,
                validate::Access::Denied => types::Access::Denied,
                validate::Access::Unavailable => types::Access::Unavailable,
                validate::Access::Unchecked => types::Access::Unchecked,
            },
            detail: found.detail,
        }
    }
}

impl From<Stream> for StreamInfo {
    fn from(stream: Stream) -> Self {
        let columns = stream.primary_key().iter();
        Self {
            name: stream.name().to_owned(),
            description: stream.description().to_owned(),
            primary_key: columns.map(|&column| column.to_owned()).collect(),
            cursor_field: stream.cursor_field().map(str::to_owned),
            modes: stream.modes().iter().map(|&mode| mode.into()).collect(),
            endpoint: stream.endpoint().as_str().to_owned(),
            scope: stream.endpoint().scope().to_owned(),
            schema: stream.schema(),
        }
    }
}
