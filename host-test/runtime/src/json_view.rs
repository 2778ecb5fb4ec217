//! The contract's records as the JSON that the commands print.

use serde_json::{Value, json};

use crate::contract::{Access, EndpointAccess, FailureKind, Mode};
use crate::failure::{Failure, Validation};
use crate::stream::Stream;

/// The kind of a failure, as people and programs see it.
#[must_use]
pub fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidConfig => "invalid_config",
        FailureKind::InvalidCredentials => "invalid_credentials",
        FailureKind::InvalidPermissions => "invalid_permissions",
        FailureKind::InvalidState => "invalid_state",
        FailureKind::RateLimited => "rate_limited",
        FailureKind::Unavailable => "unavailable",
        FailureKind::Incomplete => "incomplete",
        FailureKind::UnexpectedResponse => "unexpected_response",
        FailureKind::Cancelled => "cancelled",
        FailureKind::Other => "other",
    }
}

/// A failure. The members of its details stand beside its own, which win.
#[must_use]
pub fn failure(failure: &Failure) -> Value {
    let mut view = failure.details.clone();
    view.insert("kind".to_owned(), kind(failure.kind).into());
    view.insert("message".to_owned(), failure.message.as_str().into());
    view.insert("endpoint".to_owned(), json!(failure.endpoint));
    view.insert("http_status".to_owned(), json!(failure.http_status));
    view.insert("retry_after_ms".to_owned(), json!(failure.retry_after_ms));
    Value::Object(view)
}

/// What `validate` found.
#[must_use]
pub fn validation(found: &Validation) -> Value {
    let mut view = found.details.clone();
    let endpoints: Vec<_> = found.endpoints.iter().map(endpoint).collect();
    view.insert("valid".to_owned(), found.error.is_none().into());
    view.insert("error".to_owned(), json!(found.error.as_ref().map(failure)));
    view.insert("endpoints".to_owned(), endpoints.into());
    Value::Object(view)
}

fn endpoint(found: &EndpointAccess) -> Value {
    let access = match found.access {
        Access::Granted => "granted",
        Access::Denied => "denied",
        Access::Unavailable => "unavailable",
        Access::Unchecked => "unchecked",
    };
    json!({ "endpoint": found.endpoint, "scope": found.scope, "access": access, "detail": found.detail })
}

/// A stream.
#[must_use]
pub fn stream(stream: &Stream) -> Value {
    let modes: Vec<_> = stream.modes.iter().map(|mode| mode_name(*mode)).collect();
    json!({
        "name": stream.name,
        "description": stream.description,
        "primary_key": stream.primary_key,
        "cursor_field": stream.cursor_field,
        "modes": modes,
        "endpoint": stream.endpoint,
        "scope": stream.scope,
        "schema": stream.schema,
    })
}

/// A mode, as people and programs spell it.
#[must_use]
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Full => "full",
        Mode::Incremental => "incremental",
    }
}
