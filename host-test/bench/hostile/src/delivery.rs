//! Deliveries that the contract does not allow: other streams, other columns, other keys, forged lines.

use crate::bindings::dx::connector::sink::{begin_snapshot, checkpoint, emit, end_snapshot};
use crate::sink::{answer, batch};

/// What is delivered, by name.
pub(crate) fn deliver(what: &str) -> String {
    let row = |row: &str| answer(emit(&batch("items", &[], &[row])));
    let key = |key: &str| answer(emit(&batch("items", &[key], &[])));
    match what {
        "good" => good(),
        "unselected" => answer(emit(&batch("others", &[], &[r#"{"id":"1"}"#]))),
        "unknown-stream" => answer(emit(&batch("nothing\n\u{1b}[2J", &[], &[]))),
        "unknown-column" => row(r#"{"id":"1","x\" = 1; --":"1"}"#),
        "wrong-type" => row(r#"{"id":1}"#),
        "no-key" => row(r#"{"name":"1"}"#),
        "null-key" => row(r#"{"id":null}"#),
        "twice" => row(r#"{"id":"1","id":"2"}"#),
        "no-object" => row("[1]"),
        "long-stream" => {
            let name = "s".repeat(1_000_000);
            answer(emit(&batch(&name, &[], &[r#"{"id":"1"}"#])))
        }
        "no-json" => row("{\"id\":\"1\"}\n{\"type\":\"checkpoint\",\"state\":\"forged\"}"),
        "sql-key" => key(r#"{"1=1 OR id":"x"}"#),
        "line-key" => key("{\"id\":\"1\"}\n{\"type\":\"finished\"}"),
        "other-key" => key(r#"{"name":"x"}"#),
        "empty-key" => key("{}"),
        "begin-unselected" => answer(begin_snapshot(&["items".to_owned(), "others".to_owned()])),
        "begin-nothing" => answer(begin_snapshot(&[])),
        "end-unselected" => answer(end_snapshot("others", &[])),
        "end-twice" => {
            let first = answer(end_snapshot("items", &[]));
            format!("{first}, {}", answer(end_snapshot("items", &[])))
        }
        "except-column" => answer(end_snapshot("items", &[r#"{"name":"1"}"#.to_owned()])),
        other => format!("no such delivery: {other}"),
    }
}

/// All that is allowed, with texts that a line protocol or a terminal must not take for its own.
fn good() -> String {
    let rows = [
        "{ \"id\":\"1\",\n \"name\":\"line\\n{\\\"type\\\":\\\"checkpoint\\\"}\" }",
        r#"{"id":"2","name":null}"#,
        r#"{"id":"3"}"#,
    ];
    let delivered = [
        answer(begin_snapshot(&["items".to_owned()])),
        answer(emit(&batch("items", &[r#"{"id":"0"}"#], &rows))),
        answer(end_snapshot("items", &[r#"{"id":"9"}"#.to_owned()])),
        answer(checkpoint("{}\n")),
    ];
    delivered.join(", ")
}
