//! Stopped anywhere, a run goes on where it was and ends with the same rows.

use connector_runtime::engine::{FailureKind, Mode};
use serde_json::json;

use crate::support::{STREAMS, Tape, assert_same, config, corpus, mock, select, sync, truth};

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_every_single_event_in_turn() {
    let mock = mock(corpus(14), &[]);
    let config = config(&mock, json!({ "page_size": 3, "max_concurrency": 3 }));
    let selection = select(&STREAMS, Mode::Full);
    let expected = mock.with_corpus(|corpus| truth(corpus));
    let undisturbed = Tape::default();
    assert!(
        sync(&config, &selection, None, &undisturbed)
            .await
            .result
            .is_ok()
    );
    for event in 1..=undisturbed.events() {
        let tape = Tape::default();
        tape.refuse_at(Some(event));
        let outcome = sync(&config, &selection, None, &tape).await;
        match outcome.result {
            Err(failure) => {
                assert_eq!(failure.kind, FailureKind::Cancelled, "event {event}");
                assert!(outcome.refusal.is_some());
            }
            // When checkpoints come depends on the pace of the answers: this run had fewer events.
            Ok(()) => assert!(tape.events() < event),
        }
        tape.refuse_at(None);
        let outcome = sync(&config, &selection, tape.state().as_deref(), &tape).await;
        assert!(
            outcome.result.is_ok(),
            "event {event}: {:?}",
            outcome.result
        );
        assert_same(&tape.tables(), &expected, &STREAMS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_again_and_again_it_repeats_little() {
    let mock = mock(corpus(300), &[]);
    let config = config(&mock, json!({ "page_size": 50 }));
    let selection = select(&STREAMS, Mode::Full);
    let undisturbed = Tape::default();
    assert!(
        sync(&config, &selection, None, &undisturbed)
            .await
            .result
            .is_ok()
    );
    let (cost, events) = (mock.request_count(), undisturbed.events());
    mock.clear_requests();
    let before = mock.request_count();
    let tape = Tape::default();
    let mut stops = 0;
    loop {
        tape.refuse_at(Some(events / 20 + stops % 7));
        let outcome = sync(&config, &selection, tape.state().as_deref(), &tape).await;
        if outcome.result.is_ok() {
            break;
        }
        stops += 1;
    }
    let disturbed = mock.request_count() - before;
    println!("{stops} stops: {disturbed} requests, {cost} undisturbed");
    assert!(
        stops >= 15 && disturbed * 10 < cost * 13,
        "{stops} stops: {disturbed} of {cost} requests"
    );
    let expected = mock.with_corpus(|corpus| truth(corpus));
    assert_same(&tape.tables(), &expected, &STREAMS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_is_no_longer_accepted_loses_nothing() {
    let mock = mock(corpus(60), &[]);
    let config = config(&mock, json!({ "page_size": 7 }));
    let selection = select(&STREAMS, Mode::Full);
    let tape = Tape::default();
    tape.refuse_at(Some(40));
    assert!(sync(&config, &selection, None, &tape).await.result.is_err());
    tape.refuse_at(None);
    mock.set_faults(vec![
        "cursor-expires:count=1,endpoint=pages".parse().unwrap(),
    ]);
    let outcome = sync(&config, &selection, tape.state().as_deref(), &tape).await;
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    let expected = mock.with_corpus(|corpus| truth(corpus));
    assert_same(&tape.tables(), &expected, &STREAMS);
}
