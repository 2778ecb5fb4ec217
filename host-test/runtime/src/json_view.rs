//! The contract's records as the JSON that the command prints.

use anyhow::Result;
use serde_json::{Value, json};

use crate::engine::{Access, EndpointAccess, Failure, FailureKind, Mode, StreamInfo, Validation};

/// The kind of a failure, as people and programs see it.
pub fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidConfig => "invalid_config",
        FailureKind::InvalidCredentials => "invalid_credentials",
        FailureKind::InvalidPermissions => "invalid_permissions",
        FailureKind::InvalidState => "invalid_state",
        FailureKind::RateLimited => "rate_limited",
        FailureKind::Unavailable => "unavailable",
        FailureKind::UnexpectedResponse => "unexpected_response",
        FailureKind::Cancelled => "cancelled",
        FailureKind::Other => "other",
    }
}

pub fn failure(failure: &Failure) -> Value {
    json!({
        "kind": kind(failure.kind),
        "message": failure.message,
        "endpoint": failure.endpoint,
        "http_status": failure.http_status,
        "retry_after_ms": failure.retry_after_ms,
    })
}

pub fn validation(found: &Validation) -> Value {
    let endpoints: Vec<_> = found.endpoints.iter().map(endpoint).collect();
    json!({
        "valid": found.error.is_none(),
        "error": found.error.as_ref().map(failure),
        "endpoints": endpoints,
    })
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

pub fn stream(info: &StreamInfo) -> Result<Value> {
    let modes: Vec<_> = info.modes.iter().map(|mode| mode_name(*mode)).collect();
    let schema: Value = serde_json::from_str(&info.schema)?;
    Ok(json!({
        "name": info.name,
        "description": info.description,
        "primary_key": info.primary_key,
        "cursor_field": info.cursor_field,
        "modes": modes,
        "endpoint": info.endpoint,
        "scope": info.scope,
        "schema": schema,
    }))
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Full => "full",
        Mode::Incremental => "incremental",
    }
}
