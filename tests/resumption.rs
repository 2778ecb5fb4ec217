//! Stopped anywhere, and however hard, a run goes on where it was and ends with the same rows.

use connector_runtime::contract::{FailureKind, Mode};
use serde_json::json;

use crate::support::{
    Tape, assert_same, complete, config, corpus, every_stream, expected_tables, kind, mock, sync,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_goes_on_from_its_last_checkpoint() {
    let mock = mock(corpus(30));
    let config = config(&mock, json!({ "page_size": 5, "max_concurrency": 3 }));
    let streams = every_stream(Mode::Full);
    complete(&config, Mode::Full, &Tape::default()).await;
    let undisturbed = mock.request_count();
    let tape = Tape::default();
    let mut kills = 0;
    let outcome = loop {
        // A call that is dropped ends in the middle of whatever it is doing.
        let (events, watched) = ([1, 9, 12, 17][kills % 4], tape.clone());
        tokio::select! {
            biased;
            () = watched.reached(events) => kills += 1,
            outcome = sync(&config, &streams, &tape) => break outcome,
        }
        tape.open();
    };
    assert_eq!(kind(&outcome), None);
    assert!(kills >= 3, "{kills} kills");
    assert_same(&tape.tables(), &expected_tables(&mock), "after the kills");
    // A checkpoint comes after 32 requests at the latest; some more are read ahead.
    let repeated = mock.request_count() - 2 * undisturbed;
    let most = 60 * kills as u64;
    assert!(
        repeated <= most,
        "{repeated} requests were repeated after {kills} kills"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_refuses_ends_the_run_and_says_why() {
    let mock = mock(corpus(14));
    let config = config(&mock, json!({ "page_size": 3, "max_concurrency": 3 }));
    let streams = every_stream(Mode::Full);
    let expected = expected_tables(&mock);
    for event in [1, 2, 3, 5, 8, 13] {
        let tape = Tape::default();
        tape.refuse_at(Some(event));
        let outcome = sync(&config, &streams, &tape).await;
        assert_eq!(
            kind(&outcome),
            Some(FailureKind::Cancelled),
            "event {event}"
        );
        assert_eq!(outcome.refusal.unwrap().to_string(), "the disk is full");
        tape.refuse_at(None);
        complete(&config, Mode::Full, &tape).await;
        assert_same(&tape.tables(), &expected, &format!("event {event}"));
    }
}
