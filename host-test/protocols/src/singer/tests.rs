//! The shapes of the messages, and what a catalog and a state say.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::*;
use connector_runtime::engine::{Mode, StreamInfo};

fn pages() -> StreamInfo {
    let text = json!({ "type": ["string", "null"] });
    let schema = json!({
        "type": "object",
        "properties": { "source_id": { "type": "string" }, "title": text, "updated_at": text },
        "required": ["source_id", "title", "updated_at"],
    });
    StreamInfo {
        name: "pages".to_owned(),
        description: String::new(),
        primary_key: vec!["source_id".to_owned()],
        cursor_field: Some("updated_at".to_owned()),
        modes: vec![Mode::Full, Mode::Incremental],
        endpoint: String::new(),
        scope: String::new(),
        schema: schema.to_string(),
    }
}

#[test]
fn a_schema_and_a_record_leave_out_what_nobody_wants() {
    let row = r#"{"source_id":"1","title":"T","updated_at":null}"#;
    let now = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    let schema = output::schema(&pages(), &[]).unwrap();
    let mut expected: Value = serde_json::from_str(&pages().schema).unwrap();
    assert_eq!(
        schema,
        json!({
            "type": "SCHEMA", "stream": "pages", "schema": expected,
            "key_properties": ["source_id"], "bookmark_properties": ["updated_at"],
        })
    );
    let line = output::record("pages", row, &[], now).unwrap();
    let head = r#"{"type":"RECORD","stream":"pages","time_extracted":"2023-11-14T22:13:20.123Z","record":"#;
    assert_eq!(line, format!("{head}{row}}}"));

    let without = ["title".to_owned()];
    let schema = output::schema(&pages(), &without).unwrap();
    expected["properties"]
        .as_object_mut()
        .unwrap()
        .remove("title");
    expected["required"] = json!(["source_id", "updated_at"]);
    assert_eq!(schema["schema"], expected);
    let line = output::record("pages", row, &without, now).unwrap();
    assert_eq!(
        line,
        format!(r#"{head}{{"source_id":"1","updated_at":null}}}}"#)
    );
}

#[test]
fn a_catalog_that_nobody_touched_selects_everything() {
    let spaces = StreamInfo {
        name: "spaces".to_owned(),
        cursor_field: None,
        modes: vec![Mode::Full],
        ..pages()
    };
    let streams = [pages(), spaces];
    let catalog = catalog::discovered(&streams).unwrap();
    assert_eq!(
        catalog::parse(&catalog.to_string()).unwrap(),
        catalog::everything(&streams)
    );
    let of = |stream: usize| catalog["streams"][stream]["metadata"][0]["metadata"].clone();
    assert_eq!(
        of(0),
        json!({
            "inclusion": "available", "selected-by-default": true,
            "table-key-properties": ["source_id"], "valid-replication-keys": ["updated_at"],
        })
    );
    assert_eq!(of(1)["forced-replication-method"], "FULL_TABLE");
    assert_eq!(
        catalog["streams"][0]["metadata"][1],
        json!({
            "breadcrumb": ["properties", "source_id"],
            "metadata": { "inclusion": "automatic", "selected-by-default": true },
        })
    );
}

#[test]
fn a_choice_is_kept() {
    let column = |name: &str, metadata: Value| json!({ "breadcrumb": ["properties", name], "metadata": metadata });
    let stream = |metadata: Value| json!({ "breadcrumb": [], "metadata": metadata });
    let entry = |name: &str, metadata: Value| json!({ "tap_stream_id": name, "stream": name, "schema": {}, "metadata": metadata });
    let text = json!({ "streams": [
        entry("users", json!([
            column("email", json!({ "selected": false })),
            column("name", json!({ "selected": true, "selected-by-default": false })),
            column("source_id", json!({ "selected": false, "inclusion": "automatic" })),
            stream(json!({ "selected": true, "replication-method": "FULL_TABLE" })),
        ])),
        entry("pages", json!([stream(json!({ "selected": false, "selected-by-default": true }))])),
        entry("page_views", json!([stream(json!({ "selected-by-default": false }))])),
        { "tap_stream_id": "spaces" },
    ] });
    let wish = |stream: &str, mode: Mode, without: &[&str]| Wish {
        stream: stream.to_owned(),
        mode,
        without: without.iter().map(|&column| column.to_owned()).collect(),
    };
    let expected = [
        wish("users", Mode::Full, &["email"]),
        wish("spaces", Mode::Incremental, &[]),
    ];
    assert_eq!(catalog::parse(&text.to_string()).unwrap(), expected);
}

#[test]
fn the_last_state_counts_and_others_are_refused() {
    for (text, expected) in [
        ("", None),
        ("{}", None),
        (r#"{"state":"a"}"#, Some("a")),
        ("{\"state\":\"a\"}\n{\"state\":\"b\"}\n", Some("b")),
        (r#"{"type":"STATE","value":{"state":"a"}}"#, Some("a")),
        (r#"{"type":"STATE","value":{}}"#, None),
    ] {
        assert_eq!(parse_state(text).unwrap().as_deref(), expected, "{text}");
    }
    for other in ["x", "[1]", r#"{"bookmarks":{}}"#] {
        assert!(parse_state(other).is_err(), "{other}");
    }
}
