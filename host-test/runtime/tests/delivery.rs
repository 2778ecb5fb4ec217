//! The gate: what a guest delivers reaches the destination checked, or ends its call.

use connector_runtime::destination::{Batch, Row};
use serde_json::{Value, json};

use crate::support::{Event, Tape, attack, said, stopped, tight};

fn row(json: &Value) -> Row {
    serde_json::from_value(json.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_arrives_parsed_and_in_order() {
    let tape = Tape::default();
    let outcome = attack("deliver good", tight(), &tape).await;
    assert_eq!(said(outcome), "accepted, accepted, accepted, accepted");
    let rows = [
        json!({"id": "1", "name": "line\n{\"type\":\"checkpoint\"}"}),
        json!({"id": "2", "name": null}),
        json!({"id": "3"}),
    ];
    assert_eq!(
        tape.events(),
        [
            Event::Begin(vec!["items".to_owned()]),
            Event::Write(Batch {
                stream: "items".to_owned(),
                replaces: vec![row(&json!({"id": "0"}))],
                rows: rows.iter().map(row).collect(),
            }),
            Event::End("items".to_owned(), vec![row(&json!({"id": "9"}))]),
            Event::Checkpoint("{}\n".to_owned()),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ends_the_call_with_an_error_of_its_own() {
    for (what, error) in [
        ("unselected", "stream \"others\" was not selected"),
        (
            "unknown-stream",
            "stream \"nothing\\\\n\\\\u{1b}[2J\" was not selected",
        ),
        ("long-stream", "stream \"ssssssss"),
        ("unknown-column", "\"x\\\" = 1; --\" is no column for it"),
        ("wrong-type", "the value of id is not Text"),
        ("no-key", "id is missing"),
        ("null-key", "the value of id is not Text"),
        ("twice", "a column is there twice"),
        ("no-object", "expected a JSON object of columns"),
        ("no-json", "trailing characters"),
        ("sql-key", "\"1=1 OR id\" is no column for it"),
        ("line-key", "trailing characters"),
        ("other-key", "\"name\" is no column for it"),
        ("empty-key", "a key column is missing"),
        ("begin-unselected", "stream \"others\" was not selected"),
        ("begin-nothing", "begin-snapshot needs distinct streams"),
        ("end-unselected", "stream \"others\" was not selected"),
        ("end-twice", "the snapshot of items ended twice"),
        ("except-column", "\"name\" is no column for it"),
    ] {
        let tape = Tape::default();
        let found = stopped(&format!("deliver {what}"), tight(), &tape).await;
        assert!(
            found.starts_with("the component delivered what the contract does not allow: "),
            "{what}: {found}"
        );
        assert!(found.contains(error), "{what}: {found}");
        let allowed = usize::from(what == "end-twice");
        assert_eq!(tape.events().len(), allowed, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_less_than_64_kib() {
    let tape = Tape::default();
    assert_eq!(
        said(attack("state 65535", tight(), &tape).await),
        "accepted"
    );
    let error = stopped("state 65536", tight(), &tape).await;
    assert!(
        error.ends_with("a state of 65536 bytes; it has to be shorter than 65536"),
        "{error}"
    );
    assert_eq!(tape.events(), [Event::Checkpoint("x".repeat(65_535))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_the_guest_as_one_and_the_caller_in_its_own_words() {
    let outcome = attack("state 10", tight(), &Tape::refusing_at(1))
        .await
        .unwrap();
    assert_eq!(outcome.refusal.unwrap().to_string(), "enough");
    assert_eq!(
        outcome.result.unwrap_err().message,
        "refused: the destination refused"
    );
}
