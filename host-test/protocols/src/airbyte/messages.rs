//! The messages of the Airbyte protocol, each a line of JSON.

use connector_runtime::contract::{FailureKind, Mode};
use connector_runtime::description::Description;
use connector_runtime::destination::Row;
use connector_runtime::failure::Failure;
use connector_runtime::json_view;
use connector_runtime::stream::Stream;
use serde_json::{Map, Value, json};

use super::state::StreamState;
use crate::json_schema;

/// The status of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Started,
    Running,
    Complete,
    Incomplete,
}

pub(super) fn spec(description: &Description) -> Value {
    let mut spec = Map::new();
    if let Some(url) = description.details.get("documentation_url") {
        spec.insert("documentationUrl".to_owned(), url.clone());
    }
    let schema = json_schema::adapter_config(description);
    spec.insert("connectionSpecification".to_owned(), schema);
    spec.insert("supportsIncremental".to_owned(), json!(true));
    let modes = json!(["overwrite", "append", "append_dedup"]);
    spec.insert("supported_destination_sync_modes".to_owned(), modes);
    json!({ "type": "SPEC", "spec": spec })
}

pub(super) fn connection_status(checked: &Result<(), Failure>) -> Value {
    let status = match checked {
        Ok(()) => json!({ "status": "SUCCEEDED" }),
        Err(failure) => json!({ "status": "FAILED", "message": failure.message }),
    };
    json!({ "type": "CONNECTION_STATUS", "connectionStatus": status })
}

pub(super) fn catalog(streams: &[Stream]) -> Value {
    let streams: Vec<_> = streams.iter().map(catalog_entry).collect();
    json!({ "type": "CATALOG", "catalog": { "streams": streams } })
}

fn catalog_entry(stream: &Stream) -> Value {
    let incremental = stream.modes.contains(&Mode::Incremental);
    let modes: &[&str] = if incremental {
        &["full_refresh", "incremental"]
    } else {
        &["full_refresh"]
    };
    let key: Vec<_> = stream.primary_key.iter().map(|column| [column]).collect();
    let mut entry = json!({
        "name": stream.name,
        "json_schema": json_schema::of_rows(stream),
        "supported_sync_modes": modes,
        "source_defined_cursor": incremental,
        "source_defined_primary_key": key,
        "is_resumable": true,
    });
    if let (Some(cursor), Some(fields)) = (&stream.cursor_field, entry.as_object_mut()) {
        fields.insert("default_cursor_field".to_owned(), json!([cursor]));
    }
    entry
}

pub(super) fn record(stream: &str, row: &Row, now: u64) -> Value {
    json!({ "type": "RECORD", "record": { "stream": stream, "emitted_at": now, "data": row } })
}

/// `rows` are those of the stream since its last state. The protocol wants their number with a point in it.
pub(super) fn state(stream: &str, state: &StreamState, rows: u32) -> Value {
    json!({
        "type": "STATE",
        "state": {
            "type": "STREAM",
            "stream": { "stream_descriptor": { "name": stream }, "stream_state": state },
            "sourceStats": { "recordCount": f64::from(rows) },
        },
    })
}

pub(super) fn log(level: &str, message: &str) -> Value {
    json!({ "type": "LOG", "log": { "level": level, "message": message } })
}

pub(super) fn stream_status(stream: &str, status: Status, now: u64) -> Value {
    let status = match status {
        Status::Started => "STARTED",
        Status::Running => "RUNNING",
        Status::Complete => "COMPLETE",
        Status::Incomplete => "INCOMPLETE",
    };
    json!({
        "type": "TRACE",
        "trace": {
            "type": "STREAM_STATUS",
            "emitted_at": now,
            "stream_status": { "stream_descriptor": { "name": stream }, "status": status },
        },
    })
}

pub(super) fn error(failure: &Failure, now: u64) -> Value {
    let kind = json_view::kind(failure.kind).to_owned();
    let status = failure.http_status.map(|status| format!("HTTP {status}"));
    let facts = [Some(kind), failure.endpoint.clone(), status];
    let internal: Vec<_> = facts.into_iter().flatten().collect();
    json!({
        "type": "TRACE",
        "trace": {
            "type": "ERROR",
            "emitted_at": now,
            "error": {
                "message": failure.message,
                "internal_message": internal.join(", "),
                "failure_type": failure_type(failure.kind),
            },
        },
    })
}

/// Who must act, in Airbyte's words: the user, time, or the authors.
pub(super) fn failure_type(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidConfig
        | FailureKind::InvalidCredentials
        | FailureKind::InvalidPermissions
        | FailureKind::InvalidState => "config_error",
        FailureKind::RateLimited
        | FailureKind::Unavailable
        | FailureKind::Incomplete
        | FailureKind::Cancelled => "transient_error",
        FailureKind::UnexpectedResponse | FailureKind::Other => "system_error",
    }
}
