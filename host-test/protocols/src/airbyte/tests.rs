//! The shapes of the messages, and where the next run goes on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use connector_runtime::contract::Mode;
use connector_runtime::destination::{Destination as _, Note};
use serde_json::{Value, json};

use super::messages::{self, failure_type};
use super::output::{AirbyteOutput, LastCheckpoint, RunPhase};
use super::state::{States, StreamState};
use super::*;
use crate::testing::{SharedBuffer, batch, description, pages, spaces};

fn selected(stream: &str, mode: Mode) -> Selection {
    let stream = stream.to_owned();
    Selection { stream, mode }
}

fn status(stream: &str, status: &str) -> Value {
    let stream_status = json!({ "stream_descriptor": { "name": stream }, "status": status });
    json!({ "type": "TRACE", "trace": {
        "type": "STREAM_STATUS", "emitted_at": 7, "stream_status": stream_status,
    } })
}

fn state(stream: &str, state: &Value, rows: f64) -> Value {
    json!({ "type": "STATE", "state": {
        "type": "STREAM",
        "stream": { "stream_descriptor": { "name": stream }, "stream_state": state },
        "sourceStats": { "recordCount": rows },
    } })
}

#[test]
fn a_run_as_messages() {
    let buffer = SharedBuffer::default();
    let selection = [
        selected("pages", Mode::Incremental),
        selected("spaces", Mode::Full),
    ];
    let last = LastCheckpoint::new(&selection, 4, None);
    let mut output = AirbyteOutput::new(buffer.clone(), last.clone(), || 7);
    let mut rows = batch(
        "pages",
        &[json!({ "source_id": "1" }), json!({ "source_id": "2" })],
    );
    rows.replaces = batch("pages", &[json!({ "source_id": "1" })]).rows;
    output.write(rows.clone()).unwrap();
    output.checkpoint("s").unwrap();
    output.write(rows).unwrap();
    let (level, message) = ("warn".to_owned(), "slow".to_owned());
    output.note(&Note::Log { level, message });
    output.end_snapshot("spaces", &[]).unwrap();
    output.checkpoint("t").unwrap();
    let record = |id: &str| {
        let data = json!({ "source_id": id });
        json!({ "type": "RECORD", "record": { "stream": "pages", "emitted_at": 7, "data": data } })
    };
    let kept = |state: &str, checkpoint: u64, finished: bool, whole: bool| json!({ "state": state, "checkpoint": checkpoint, "finished": finished, "whole": whole });
    let expected = [
        status("pages", "RUNNING"),
        record("1"),
        record("2"),
        state("pages", &kept("s", 5, false, false), 2.0),
        state("spaces", &kept("s", 5, false, true), 0.0),
        record("1"),
        record("2"),
        json!({ "type": "LOG", "log": { "level": "WARN", "message": "slow" } }),
        state("pages", &kept("t", 6, false, false), 2.0),
        state("spaces", &kept("t", 6, false, true), 0.0),
    ];
    assert_eq!(buffer.lines(), expected);
    assert!(
        output.write(batch("users", &[])).is_err(),
        "nobody selected users"
    );
    let ended = [
        state("pages", &kept("t", 6, true, false), 0.0),
        state("spaces", &kept("t", 6, true, true), 0.0),
    ];
    assert_eq!(last.states(RunPhase::Ended, |_| 0), ended);
}

#[test]
fn the_specification_of_any_connector() {
    let mut described = description();
    let url = json!("https://example.com/docs");
    described
        .details
        .insert("documentation_url".to_owned(), url.clone());
    let spec = messages::spec(&described);
    assert_eq!(spec["spec"]["documentationUrl"], url);
    let schema = &spec["spec"]["connectionSpecification"];
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["required"], json!(["shop", "api_key"]));
}

#[test]
fn a_stream_in_the_catalog() {
    let catalog = messages::catalog(&[pages(), spaces()]);
    assert_eq!(catalog["type"], "CATALOG");
    let mut schema = pages().schema;
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["required"] = json!(["source_id"]);
    let incremental = json!({
        "name": "pages",
        "json_schema": schema,
        "source_defined_primary_key": [["source_id"]],
        "is_resumable": true,
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": true,
        "default_cursor_field": ["updated_at"],
    });
    let full = json!({
        "name": "spaces",
        "json_schema": schema,
        "source_defined_primary_key": [["source_id"]],
        "is_resumable": true,
        "supported_sync_modes": ["full_refresh"],
        "source_defined_cursor": false,
    });
    assert_eq!(catalog["catalog"]["streams"], json!([incremental, full]));
}

#[test]
fn a_failure_says_who_must_act() {
    for (kind, expected) in [
        (FailureKind::InvalidConfig, "config_error"),
        (FailureKind::InvalidCredentials, "config_error"),
        (FailureKind::InvalidPermissions, "config_error"),
        (FailureKind::InvalidState, "config_error"),
        (FailureKind::RateLimited, "transient_error"),
        (FailureKind::Unavailable, "transient_error"),
        (FailureKind::Incomplete, "transient_error"),
        (FailureKind::Cancelled, "transient_error"),
        (FailureKind::UnexpectedResponse, "system_error"),
        (FailureKind::Other, "system_error"),
    ] {
        assert_eq!(failure_type(kind), expected, "{kind:?}");
    }
    let failure = Failure {
        endpoint: Some("GET /wiki/api/v2/pages".to_owned()),
        http_status: Some(503),
        ..Failure::new(FailureKind::Unavailable, "no answer")
    };
    let error = json!({
        "message": "no answer",
        "internal_message": "unavailable, GET /wiki/api/v2/pages, HTTP 503",
        "failure_type": "transient_error",
    });
    let expected = json!({
        "type": "TRACE",
        "trace": { "type": "ERROR", "emitted_at": 7, "error": error },
    });
    assert_eq!(messages::error(&failure, 7), expected);
    let checked = messages::connection_status(&Err(failure));
    let status = json!({ "status": "FAILED", "message": "no answer" });
    assert_eq!(
        checked,
        json!({ "type": "CONNECTION_STATUS", "connectionStatus": status })
    );
}

fn incremental(stream: &str) -> Selection {
    selected(stream, Mode::Incremental)
}

fn kept(stream: &str, checkpoint: u64, finished: bool, whole: bool) -> String {
    let kept = StreamState {
        state: format!("at {checkpoint}"),
        checkpoint,
        finished,
        whole,
    };
    messages::state(stream, &kept, 0).to_string()
}

#[test]
fn the_oldest_checkpoint_is_the_one_that_all_streams_have() {
    let both = [incremental("pages"), incremental("labels")];
    for (lines, selection, expected, why) in [
        (vec![], &both[..], None, "nothing is kept"),
        (
            vec![
                kept("pages", 9, true, false),
                kept("labels", 9, true, false),
            ],
            &both,
            Some("at 9"),
            "one run",
        ),
        (
            vec![
                kept("pages", 9, true, false),
                kept("labels", 8, false, false),
            ],
            &both,
            Some("at 8"),
            "labels lag",
        ),
        (
            vec![kept("pages", 8, true, false), kept("pages", 9, true, false)],
            &both[..1],
            Some("at 9"),
            "the last line counts",
        ),
        (
            vec![kept("pages", 9, true, false)],
            &both,
            Some("at 9"),
            "labels are new",
        ),
        (
            vec![kept("pages", 9, false, false)],
            &both,
            None,
            "labels were cleared in the middle of a run",
        ),
        (
            vec![kept("users", 3, true, false), kept("pages", 9, true, false)],
            &both[..1],
            Some("at 9"),
            "users aren't wanted",
        ),
    ] {
        let states = States::parse(&lines.join("\n")).unwrap();
        assert_eq!(states.common(selection), expected, "{why}");
    }
}

#[test]
fn a_stream_without_a_state_is_read_whole_until_it_is_done() {
    for (line, expected, why) in [
        (None, Mode::Full, "new, or cleared"),
        (
            Some(kept("pages", 9, true, false)),
            Mode::Incremental,
            "a run has ended",
        ),
        (
            Some(kept("pages", 9, true, true)),
            Mode::Incremental,
            "a whole run has ended",
        ),
        (
            Some(kept("pages", 9, false, false)),
            Mode::Incremental,
            "interrupted",
        ),
        (
            Some(kept("pages", 9, false, true)),
            Mode::Full,
            "interrupted when read whole",
        ),
    ] {
        let states = States::parse(&line.unwrap_or_default()).unwrap();
        assert_eq!(states.mode("pages", Mode::Incremental), expected, "{why}");
        assert_eq!(states.mode("pages", Mode::Full), Mode::Full);
    }
}

#[test]
fn states_come_as_a_list_or_line_by_line_and_others_are_refused() {
    let line = kept("pages", 9, true, false);
    let message: Value = serde_json::from_str(&line).unwrap();
    let mut bare = message["state"].clone();
    // As PyAirbyte writes it.
    bare["global_"] = Value::Null;
    let lines = format!("{}\n{line}\n", kept("pages", 8, false, false));
    for text in [json!([bare]).to_string(), lines, bare.to_string()] {
        let states = States::parse(&text).unwrap();
        assert_eq!(
            (
                states.common(&[incremental("pages")]),
                states.last_checkpoint()
            ),
            (Some("at 9"), 9)
        );
    }
    let empty = |kind: &str, more: &str| format!(r#"[{{"type":"{kind}"{more}}}]"#);
    for none in [
        "",
        "[]",
        "{}",
        "null",
        "\n",
        &empty("LEGACY", ""),
        &empty("LEGACY", r#","data":{}"#),
        &empty("LEGACY", r#","data":{"cursor":"2026"}"#),
        r#"{"data":{}}"#,
        &empty("GLOBAL", r#","global":null"#),
        &empty(
            "GLOBAL",
            r#","global":{"shared_state":null,"stream_states":[]}"#,
        ),
        &empty(
            "GLOBAL",
            r#","global":{"shared_state":{},"stream_states":[]}"#,
        ),
        &empty(
            "STREAM",
            r#","stream":{"stream_descriptor":{"name":"pages"},"stream_state":{}}"#,
        ),
    ] {
        assert_eq!(States::parse(none).unwrap(), States::default(), "{none}");
    }
    let cleared = json!([{ "type": "STREAM", "stream": {
        "stream_descriptor": { "name": "pages" }, "stream_state": null,
    } }]);
    assert_eq!(
        States::parse(&cleared.to_string()).unwrap(),
        States::default()
    );
    let global =
        json!([{ "type": "GLOBAL", "global": { "shared_state": { "lsn": 7 } } }]).to_string();
    for other in ["x", "[1]", r#"{"cursor":"2026"}"#, &global] {
        assert!(States::parse(other).is_err(), "{other}");
    }
}
