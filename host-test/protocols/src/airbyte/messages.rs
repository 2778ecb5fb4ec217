//! The words of the Airbyte protocol, each a line of JSON.

use serde_json::{Value, json};

use super::state::StreamState;
use connector_runtime::engine::{Failure, FailureKind, Mode, StreamInfo};

/// How far a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Started,
    Running,
    Complete,
    Incomplete,
}

pub(super) fn spec(schema: &Value) -> Value {
    json!({
        "type": "SPEC",
        "spec": {
            "connectionSpecification": schema,
            "supportsIncremental": true,
            "supported_destination_sync_modes": ["overwrite", "append", "append_dedup"],
        },
    })
}

pub(super) fn connection_status(checked: &Result<(), Failure>) -> Value {
    let status = match checked {
        Ok(()) => json!({ "status": "SUCCEEDED" }),
        Err(failure) => json!({ "status": "FAILED", "message": failure.message }),
    };
    json!({ "type": "CONNECTION_STATUS", "connectionStatus": status })
}

pub(super) fn catalog(streams: &[StreamInfo]) -> Result<Value, serde_json::Error> {
    let streams: Result<Vec<_>, _> = streams.iter().map(stream).collect();
    Ok(json!({ "type": "CATALOG", "catalog": { "streams": streams? } }))
}

fn stream(info: &StreamInfo) -> Result<Value, serde_json::Error> {
    let schema: Value = serde_json::from_str(&info.schema)?;
    let incremental = info.modes.contains(&Mode::Incremental);
    let modes: &[&str] = if incremental {
        &["full_refresh", "incremental"]
    } else {
        &["full_refresh"]
    };
    let key: Vec<_> = info.primary_key.iter().map(|column| [column]).collect();
    let mut stream = json!({
        "name": info.name,
        "json_schema": schema,
        "supported_sync_modes": modes,
        "source_defined_cursor": incremental,
        "source_defined_primary_key": key,
        "is_resumable": true,
    });
    if let (Some(cursor), Some(fields)) = (&info.cursor_field, stream.as_object_mut()) {
        fields.insert("default_cursor_field".to_owned(), json!([cursor]));
    }
    Ok(stream)
}

/// The row goes in as the component wrote it.
pub(super) fn record(stream: &str, row: &str, now: u64) -> String {
    let stream = json!(stream);
    format!(r#"{{"type":"RECORD","record":{{"stream":{stream},"emitted_at":{now},"data":{row}}}}}"#)
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
    let kind = connector_runtime::json_view::kind(failure.kind).to_owned();
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
        FailureKind::RateLimited | FailureKind::Unavailable | FailureKind::Cancelled => {
            "transient_error"
        }
        FailureKind::UnexpectedResponse | FailureKind::Other => "system_error",
    }
}
