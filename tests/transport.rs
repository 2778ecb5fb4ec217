//! The component's own HTTP transport over `wasi:http`: what a connection can do wrong.

use std::time::{Duration, Instant};

use connector_runtime::contract::Mode;
use serde_json::{Value, json};

use crate::support::{
    Tape, assert_same, complete, config, corpus, expected_tables, fail, inject_faults, mock,
};

/// A second for each answer, and a retry for what is worth one.
fn patient() -> Value {
    json!({ "timeout_s": 1, "retry": { "attempts": 2, "patience_s": 20 } })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_merely_odd_costs_nothing() {
    let mock = mock(corpus(12));
    let expected = expected_tables(&mock);
    for fault in ["chunked", "no-length", "bom"] {
        inject_faults(&mock, &[fault]);
        let tape = Tape::default();
        let begun = Instant::now();
        complete(&config(&mock, patient()), Mode::Full, &tape).await;
        assert_same(&tape.tables(), &expected, fault);
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{fault}: no retry"
        );
    }
}

/// One retry for all of them, side by side.
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_once_is_tried_again() {
    let mock = mock(corpus(20));
    let faults = [
        "reset-before:count=1,after=9",
        "reset-within:count=1,after=10",
        "cut:count=1,after=11,form=chunked",
        "truncated-json:count=1,after=12",
        "hang:count=1,after=13",
        "stall:count=1,after=14",
    ];
    inject_faults(&mock, &faults);
    let tape = Tape::default();
    complete(&config(&mock, patient()), Mode::Full, &tape).await;
    assert_same(&tape.tables(), &expected_tables(&mock), "after the retries");
}

/// A wait that the service asks for is kept, by all requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_holds_back_all_requests() {
    let mock = mock(corpus(12));
    inject_faults(&mock, &["rate-limit:count=1,after=5,seconds=1"]);
    let tape = Tape::default();
    complete(&config(&mock, patient()), Mode::Full, &tape).await;
    let requests = mock.requests();
    let limited = requests.iter().find(|request| request.status == 429);
    let limited = limited.unwrap().started;
    // Requests that were in flight with it had begun before.
    let behind = requests.iter().map(|request| request.started);
    let next = behind.filter(|started| *started > limited + Duration::from_millis(200));
    assert!(next.min().unwrap() >= limited + Duration::from_secs(1));
}

/// An answer without end, or larger than anything that is read, ends the request in little memory.
#[tokio::test(flavor = "multi_thread")]
async fn what_never_ends_is_given_up() {
    let mock = mock(corpus(12));
    for fault in ["huge-body:endpoint=pages", "drip:endpoint=pages"] {
        inject_faults(&mock, &[fault]);
        let mut fields = patient();
        fields["retry"]["attempts"] = 0.into();
        let begun = Instant::now();
        fail(&config(&mock, fields), Mode::Full, &Tape::default()).await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "{fault}: {took:?}");
    }
}
