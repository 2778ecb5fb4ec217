//! What this guest says of itself. A variant is chosen by a marker in the component's bytes, which a test
//! replaces: `describe` and `list-streams` take no argument.

use std::hint::black_box;

use crate::bindings::dx::connector::sink::checkpoint;
use crate::bindings::dx::connector::types::{Authentication, Mode, RequestPattern};
use crate::bindings::exports::dx::connector::source::{Description, StreamInfo};

/// Found and replaced by tests, in place and at the same length.
static MARKER: &str = "registration=well-formed........";

fn variant() -> &'static str {
    let (_, variant) = black_box(MARKER).split_once('=').unwrap_or_default();
    variant.trim_end_matches('.')
}

pub(crate) fn describe() -> Description {
    if variant() == "checkpoint" {
        let _ = checkpoint("{}");
    }
    let secret = r#""token": {"type": "string", "writeOnly": true}"#;
    let fields =
        format!(r#""url": {{"type": "string"}}, "attack": {{"type": "string"}}, {secret}"#);
    let field = match variant() {
        "unknown-field" => "nothing",
        _ => "url",
    };
    let requests = match variant() {
        "trace" => vec![("TRACE", "/{what}")],
        "small-trace" => vec![("trace", "/{what}")],
        "line-path" => vec![("GET", "/a%0d%0ab")],
        _ => vec![
            ("GET", "/{what}"),
            ("GET", "/{what}/{of}"),
            ("POST", "/{what}/{of}"),
        ],
    };
    let pattern = |(method, path): (&str, &str)| RequestPattern {
        method: method.to_owned(),
        path: path.to_owned(),
    };
    Description {
        name: "hostile\u{1b}[2J".to_owned(),
        version: "0".to_owned(),
        config_schema: format!(r#"{{"type": "object", "properties": {{{fields}}}}}"#),
        base_url_field: field.to_owned(),
        base_urls: vec!["https://{host}".to_owned()],
        requests: requests.into_iter().map(pattern).collect(),
        authentication: vec![
            Authentication::Bearer("token".to_owned()),
            Authentication::None,
        ],
        details: None,
    }
}

pub(crate) fn streams() -> Vec<StreamInfo> {
    match variant() {
        "sql-stream" => vec![stream("x\" (a); ATTACH 'f' AS g; --", "id", "name")],
        "sql-column" => vec![stream("items", "id", "name\" TEXT); DROP TABLE t; --")],
        "sql-key" => vec![stream("items", "id\") OR 1=1 --", "name")],
        "line-stream" => vec![stream("items\n{\"type\":\"checkpoint\"}", "id", "name")],
        "many-streams" => (0..3_000)
            .map(|number| stream(&format!("s{number}"), "id", "name"))
            .collect(),
        "giant-names" => (0..3)
            .map(|_| stream(&"s".repeat(1 << 20), "id", "name"))
            .collect(),
        "endless-streams" => loop {
            black_box(stream("items", "id", "name"));
        },
        _ => vec![
            stream("items", "id", "name"),
            stream("others", "id", "name"),
        ],
    }
}

fn stream(name: &str, key: &str, column: &str) -> StreamInfo {
    let column = column.replace('"', "\\\"");
    StreamInfo {
        name: name.to_owned(),
        description: "rows\u{1b}[2J".to_owned(),
        primary_key: vec![key.to_owned()],
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: "GET /{what}".to_owned(),
        scope: String::new(),
        schema: format!(
            r#"{{"properties": {{"id": {{"type": "string"}}, "{column}": {{"type": ["string", "null"]}}, "data": {{}}}},
                "required": ["id"]}}"#
        ),
    }
}
