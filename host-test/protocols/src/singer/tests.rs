//! The shapes of the messages, and what a catalog says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use connector_runtime::contract::Mode;
use connector_runtime::destination::Destination as _;
use serde_json::{Value, json};

use super::state::TapState;
use super::*;
use crate::testing::{SharedBuffer, batch, pages, spaces};

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_123).unwrap()
}

fn output(
    state: Option<&TapState>,
    excluded: &[&str],
) -> (SingerOutput<SharedBuffer>, SharedBuffer) {
    let buffer = SharedBuffer::default();
    let selected = StreamSelection {
        excluded_columns: excluded.iter().map(|&column| column.to_owned()).collect(),
        ..catalog::everything(&[pages()]).remove(0)
    };
    let output = SingerOutput::new(buffer.clone(), vec![selected], state, now);
    (output, buffer)
}

#[test]
fn columns_that_are_not_selected_are_left_out() {
    let row = json!({ "source_id": "1\n", "title": "T", "updated_at": null });
    let (mut all, lines) = output(None, &[]);
    all.write_schemas(&[pages()]).unwrap();
    all.write(batch("pages", std::slice::from_ref(&row)))
        .unwrap();
    all.checkpoint("s").unwrap();
    let mut schema = pages().schema;
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["required"] = json!(["source_id"]);
    let mut expected = json!({
        "type": "SCHEMA", "stream": "pages", "schema": schema,
        "key_properties": ["source_id"], "bookmark_properties": ["updated_at"],
    });
    let mut record = json!({
        "type": "RECORD", "stream": "pages", "time_extracted": "2023-11-14T22:13:20.123Z",
        "record": row,
    });
    let state = json!({ "type": "STATE", "value": { "state": "s" } });
    assert_eq!(lines.lines(), [expected.clone(), record.clone(), state]);

    let (mut some, lines) = output(None, &["title"]);
    some.write_schemas(&[pages()]).unwrap();
    some.write(batch("pages", &[row])).unwrap();
    some.checkpoint("s").unwrap();
    let properties = expected["schema"]["properties"].as_object_mut();
    properties.unwrap().remove("title");
    record["record"].as_object_mut().unwrap().remove("title");
    assert_eq!(lines.lines()[..2], [expected, record]);
}

#[test]
fn a_version_is_the_beginning_of_a_snapshot_and_activated_at_its_end() {
    let began = now().as_millisecond();
    let (mut first, lines) = output(None, &[]);
    let row = json!({ "source_id": "1" });
    let pages = ["pages".to_owned()];
    first.begin_snapshot(&pages).unwrap();
    first
        .write(batch("pages", std::slice::from_ref(&row)))
        .unwrap();
    first.checkpoint("half").unwrap();
    assert_eq!(lines.lines()[0]["version"], began);
    let state = json!({ "state": "half", "versions": { "pages": began } });
    assert_eq!(lines.lines()[1]["value"], state);

    let state = state::parse(&state.to_string()).unwrap().unwrap();
    let (mut second, lines) = output(Some(&state), &[]);
    second
        .write(batch("pages", std::slice::from_ref(&row)))
        .unwrap();
    let set_aside = batch("pages", &[row]).rows;
    second.end_snapshot("pages", &set_aside).unwrap();
    second.end_snapshot("pages", &[]).unwrap();
    second.begin_snapshot(&pages).unwrap();
    second.checkpoint("next").unwrap();
    let lines = lines.lines();
    assert_eq!(lines[0]["version"], began, "the snapshot goes on");
    let activated = json!({ "type": "ACTIVATE_VERSION", "stream": "pages", "version": began });
    assert_eq!(lines[1], activated, "once, when nothing is set aside");
    assert_eq!(lines[2]["value"]["versions"]["pages"], began + 1);
}

#[test]
fn a_catalog_that_nobody_touched_selects_everything() {
    let streams = [pages(), spaces()];
    let catalog = catalog::discovered(&streams);
    assert_eq!(
        catalog::parse(&catalog.to_string(), &streams).unwrap(),
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
        entry("pages", json!([
            column("source_id", json!({ "selected": false })),
            column("title", json!({ "selected": false })),
        ])),
        entry("labels", json!([stream(json!({ "selected": false, "selected-by-default": true }))])),
        entry("page_views", json!([stream(json!({ "selected-by-default": false }))])),
        { "tap_stream_id": "spaces" },
    ] });
    let selection = |stream: &str, mode: Mode, excluded: &[&str]| StreamSelection {
        stream: stream.to_owned(),
        mode,
        excluded_columns: excluded.iter().map(|&column| column.to_owned()).collect(),
    };
    let expected = [
        selection("users", Mode::Full, &["email"]),
        // A key without the word "automatic", as other tools write catalogs.
        selection("pages", Mode::Incremental, &["title"]),
        selection("spaces", Mode::Incremental, &[]),
    ];
    assert_eq!(
        catalog::parse(&text.to_string(), &[pages(), spaces()]).unwrap(),
        expected
    );
}
