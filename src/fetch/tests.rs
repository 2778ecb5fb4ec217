//! What belongs to one page, and users: whole or not at all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use serde_json::json;

use super::*;
use crate::client::Response;
use crate::config::Config;
use crate::error::Kind;
use crate::testing::{Simulation, response, small_site};

const PAGE: PageRef<'_> = PageRef {
    id: "7",
    space_id: Some("1"),
};

fn simulation() -> Simulation {
    Simulation::new(small_site(0, 1), 0)
}

/// Responses one endpoint with these and reads it.
fn run<T>(
    simulation: &Simulation,
    endpoint: Endpoint,
    answers: impl IntoIterator<Item = Response>,
    read: impl AsyncFnOnce(&Client<'_, Simulation>) -> T,
) -> T {
    let config = Config::parse(&simulation.config(json!({}))).unwrap();
    let client = Client::new(simulation, &config);
    simulation.script(endpoint, answers);
    simulation.run(read(&client))
}

fn good(body: &serde_json::Value) -> Response {
    response(200, &[], &body.to_string())
}

fn refusal(status: u16) -> Response {
    response(status, &[], "")
}

/// Labels with these ids, and a link to the next page unless the cursor is empty.
fn label_page(ids: &[&str], cursor: &str) -> Response {
    let rows = ids.iter().map(|id| json!({ "id": id, "name": "a" }));
    let link = format!("/x?cursor={cursor}");
    let next = (!cursor.is_empty()).then_some(link);
    good(&json!({ "results": rows.collect::<Vec<_>>(), "_links": { "next": next } }))
}

fn labels_of(answers: impl IntoIterator<Item = Response>) -> Result<Vec<String>, RequestError> {
    let read = run(&simulation(), Endpoint::Labels, answers, async |client| {
        labels(client, PAGE).await
    })?;
    assert!(read.value.iter().all(|label| label.page_id == PAGE.id));
    Ok(read.value.into_iter().map(|row| row.source_id).collect())
}

/// A page whose parts have no end is told from the others, so that the run can go on without it.
#[test]
fn a_page_with_endless_parts_fails_alone() {
    let blank = " ".repeat(1 << 20);
    let answer = |number: u32| {
        let link = format!("/x?cursor=c{number}");
        let rows = json!([{ "id": number.to_string() }]);
        let body = json!({ "results": rows, "filler": blank, "_links": { "next": link } });
        good(&body)
    };
    let answers = (0..16).map(answer);
    let answers = answers.chain([answer(15), answer(15)]);
    let Err(RequestError::Failed(error)) = labels_of(answers) else {
        panic!("it is read");
    };
    let expected = (Kind::UnexpectedResponse, true);
    assert_eq!((error.kind, error.message.ends_with(", page 7)")), expected);
}

#[test]
fn the_parts_of_a_page_come_whole() {
    let answers = [
        label_page(&["1", "2"], "a"),
        label_page(&[], "b"),
        label_page(&["3"], ""),
    ];
    assert_eq!(labels_of(answers).unwrap(), ["1", "2", "3"]);
    let broken = json!({ "number": 2, "createdAt": "yesterday", "minorEdit": "true" });
    let first = json!({ "number": 1, "createdAt": "2026-01-01T00:00:00Z" });
    let versions = run(
        &simulation(),
        Endpoint::Versions,
        [good(&json!({ "results": [broken, first] }))],
        async |client| versions(client, PAGE).await,
    )
    .unwrap();
    let numbers = versions.value.iter().map(|version| version.number);
    assert!(numbers.eq([2, 1]));
    let [unreadable] = versions.unreadable.as_slice() else {
        panic!("{:?}", versions.unreadable)
    };
    assert_eq!(unreadable.key, "7, version 2");
    assert_eq!(unreadable.column, "created_at");
}

/// One row less would look like a label that was removed.
#[test]
fn a_part_without_a_key_fails_the_page() {
    let spoiled = || label_page(&["3", "x"], "");
    let read = labels_of([
        label_page(&["1"], "a"),
        spoiled(),
        label_page(&["3", "4"], ""),
    ]);
    assert_eq!(read.unwrap(), ["1", "3", "4"], "right the second time");
    let read = labels_of([label_page(&["1"], "a"), spoiled(), spoiled()]);
    let Err(RequestError::Failed(error)) = read else {
        panic!("{read:?}")
    };
    let words = "a row without a readable key";
    assert!(error.message.contains(words) && error.message.contains("page 7"));
}

#[test]
fn a_refused_cursor_starts_the_parts_again() {
    let answers = [
        label_page(&["1", "2"], "a"),
        refusal(400),
        label_page(&["1", "2"], "c"),
        label_page(&["3"], ""),
    ];
    assert_eq!(
        labels_of(answers).unwrap(),
        ["1", "2", "3"],
        "each row once"
    );
}

/// Cursors may expire again and again: what gets further each time is not given up.
#[test]
fn restarts_end_where_they_get_no_further() {
    let restart = |pages: usize| {
        let ids = ["1", "2", "3", "4", "5", "6", "7"];
        let pages = ids.iter().take(pages);
        let pages = pages.map(|id| label_page(&[id], &format!("c{id}")));
        pages.chain([refusal(400)]).collect::<Vec<_>>()
    };
    let further = (1..=6).flat_map(restart);
    let whole = [label_page(&["1", "2"], "c"), label_page(&["3"], "")];
    assert_eq!(labels_of(further.chain(whole)).unwrap().len(), 3);
    let stuck = (0..5).flat_map(|_| restart(2));
    let read = labels_of(stuck);
    assert!(matches!(read, Err(RequestError::Failed(_))), "{read:?}");
}

#[test]
fn a_count_of_views_is_a_number_or_null_and_never_made_up() {
    for (body, count, unreadable) in [
        (json!({ "id": 7, "count": 12 }), Some(12), 0),
        (json!({ "count": "0" }), Some(0), 0),
        (json!({ "id": 7 }), None, 1),
        (json!({ "count": null }), None, 1),
        (json!({ "count": "many" }), None, 1),
    ] {
        let simulation = simulation();
        let read = run(
            &simulation,
            Endpoint::Views,
            [good(&body)],
            async |client| views(client, PAGE).await,
        )
        .unwrap();
        assert_eq!(read.value.views_count, count, "{body}");
        assert_eq!(read.unreadable.len(), unreadable, "{body}");
        let read_at = read.value.read_at.unwrap();
        assert_eq!(read_at, "2026-11-01T00:00:00.020Z", "when it was read");
    }
}

#[test]
fn an_empty_state_is_believed_when_it_is_repeated() {
    let empty = || response(200, &[], "");
    let draft = || good(&json!({ "contentState": { "name": "Draft", "color": "#57d9a3" } }));
    let none = || good(&json!({}));
    for (answers, expected, why) in [
        (vec![draft()], Some("Draft"), "a state"),
        (vec![none()], None, "none in so many words"),
        (vec![empty(), draft()], Some("Draft"), "lost once"),
        (vec![empty(), empty()], None, "empty twice"),
        (
            vec![empty(), refusal(503), draft()],
            Some("Draft"),
            "a failure between",
        ),
    ] {
        let read = run(&simulation(), Endpoint::States, answers, async |client| {
            state(client, PAGE).await
        })
        .unwrap();
        assert_eq!(read.value.page_id, "7");
        assert_eq!(read.value.content_state_name.as_deref(), expected, "{why}");
    }
}

fn users_of(simulation: &Simulation, answers: Vec<Response>) -> Result<FoundUsers, RequestError> {
    let ids = ["a", "b", "c"].map(str::to_owned);
    run(simulation, Endpoint::Users, answers, async |client| {
        users(client, &ids).await
    })
}

fn user_page(ids: &[&str]) -> Response {
    let rows = ids
        .iter()
        .map(|id| json!({ "accountId": id, "displayName": "x" }));
    good(&json!({ "results": rows.collect::<Vec<_>>() }))
}

#[test]
fn users_are_those_that_were_asked_for() {
    for (answers, found, unrequested, unusable, why) in [
        (vec![user_page(&["c", "a", "b"])], "cab", 0, 0, "any order"),
        (
            vec![user_page(&["b"])],
            "b",
            0,
            0,
            "unknown ones are missing",
        ),
        (vec![user_page(&[])], "", 0, 0, "none is known"),
        (
            vec![user_page(&["a", "z"]), user_page(&["a", "b"])],
            "ab",
            0,
            0,
            "right the second time",
        ),
        (
            vec![user_page(&["a", "z", " "]); 2],
            "a",
            1,
            1,
            "wrong for good",
        ),
    ] {
        let simulation = simulation();
        let read = users_of(&simulation, answers).unwrap();
        let ids = read.rows.iter().map(|user| user.source_id.as_str());
        assert_eq!(ids.collect::<String>(), found, "{why}");
        assert_eq!((read.unrequested, read.unusable), (unrequested, unusable));
        let sent = simulation.sent();
        let body = sent[0].body.as_deref();
        assert_eq!(body, Some(r#"{"accountIds":["a","b","c"]}"#));
    }
}

/// A batch that is refused can be looked up in smaller ones; who may view no profiles can look up nobody.
#[test]
fn a_refused_batch_is_no_refused_endpoint() {
    let read = users_of(&simulation(), vec![refusal(400)]);
    assert!(matches!(read, Err(RequestError::Failed(_))), "{read:?}");
    let refused = response(403, &[], r#"{"statusCode":403,"message":"no"}"#);
    let read = users_of(&simulation(), vec![refused]);
    assert!(matches!(read, Err(RequestError::Fatal(_))), "{read:?}");
}
