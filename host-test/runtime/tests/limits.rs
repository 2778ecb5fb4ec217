//! A guest that means harm meets each limit of the host: its own error, and the host goes on.

mod neighbours;
mod requests;
mod server;
mod token;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Result;
use connector_runtime::connection::Connection;
use connector_runtime::engine::{HOSTILE, Mode, Outcome, Runtime, Selection};
use connector_runtime::limits::Limits;

use crate::support::{Tape, runtime};

/// In the same engine as the honest component, as it would be in a service.
fn hostile() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| runtime().beside(HOSTILE).unwrap())
}

/// The acts are those of `host-test/hostile`.
async fn act(act: &str, connection: &Connection, limits: Limits, tape: &Tape) -> Result<Outcome> {
    let selection = [Selection {
        stream: act.to_owned(),
        mode: Mode::Full,
    }];
    let output = Box::new(tape.clone());
    hostile()
        .sync(connection, limits, &selection, None, output)
        .await
}

/// What a guest that outlives its act says of it.
fn told(outcome: Result<Outcome>) -> String {
    outcome.unwrap().result.unwrap_err().message
}

/// A call that is stopped; the host's error.
async fn stopped(words: &str, limits: Limits, tape: &Tape) -> String {
    let ended = act(words, &Connection::nowhere(), limits, tape).await;
    format!("{:#}", ended.unwrap_err())
}

fn tight() -> Limits {
    Limits {
        memory: 32 << 20,
        wall: Duration::from_secs(20),
        cpu: Duration::from_millis(200),
        handed_over: 4 << 20,
        handles: 500,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_spends_ends_its_call() {
    for (words, error) in [
        ("loop", "the call uses more than its 0.2 s of the processor"),
        (
            "flood 250",
            "the call uses more than its 0.2 s of the processor",
        ),
        ("memory", "the call needs more than its 32 MiB of memory"),
        (
            "giant-row 5000000",
            "the call hands over more than 4 MiB at once",
        ),
        (
            "same-row 1000",
            "the call hands over more than 4 MiB at once",
        ),
        (
            "handles",
            "the call makes the host keep more than 500 things for it",
        ),
        (
            "random",
            "the component failed: requested len 1099511627776 exceeds limit 65536",
        ),
        (
            "stack",
            "the component failed: wasm trap: call stack exhausted",
        ),
        (
            "trap",
            "the component failed: wasm trap: wasm `unreachable` instruction executed",
        ),
    ] {
        assert_eq!(
            stopped(words, tight(), &Tape::default()).await,
            error,
            "{words}"
        );
    }
    assert_eq!(runtime().list_streams().await.unwrap().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_longer_than_allowed() {
    let limits = Limits {
        wall: Duration::from_millis(300),
        cpu: Duration::from_mins(1),
        ..tight()
    };
    for words in ["sleep", "loop"] {
        let begun = Instant::now();
        assert_eq!(
            stopped(words, limits, &Tape::default()).await,
            "the call takes longer than its 0.3 s"
        );
        assert!(begun.elapsed() < Duration::from_secs(10), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_held_back() {
    let limits = Limits {
        wall: Duration::from_secs(1),
        rows_per_second: Some(1_000),
        ..tight()
    };
    // An empty batch counts as a row, and the first batch is let in at once.
    for (words, events) in [("flood 0", 1_100), ("flood 250", 6)] {
        let tape = Tape::default();
        assert_eq!(
            stopped(words, limits, &tape).await,
            "the call takes longer than its 1 s"
        );
        let taken = tape.events();
        assert!((1..=events).contains(&taken), "{words}: {taken} batches");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_held_back_too_and_long_ones_left_out() {
    let limits = Limits {
        wall: Duration::from_secs(1),
        ..tight()
    };
    for (words, least, most) in [("notes 100", 1, 550), ("notes 20000", 0, 0)] {
        let tape = Tape::default();
        assert_eq!(
            stopped(words, limits, &tape).await,
            "the call takes longer than its 1 s"
        );
        let taken = tape.with(|recorded| recorded.notes.len());
        assert!((least..=most).contains(&taken), "{words}: {taken} notes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_less_than_64_kib() {
    let tape = Tape::default();
    let nowhere = Connection::nowhere();
    let taken = act("state 65535", &nowhere, tight(), &tape).await;
    assert_eq!(told(taken), "accepted");
    let refused = act("state 65536", &nowhere, tight(), &tape).await.unwrap();
    let words = "a state of 65536 bytes; the contract allows less than 65536";
    assert_eq!(refused.refusal.unwrap().to_string(), words);
    let failure = refused.result.unwrap_err();
    assert_eq!(failure.message, format!("refused: {words}"));
    assert_eq!(tape.state().unwrap().len(), 65_535);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_after_a_refusal_is_ended() {
    let tape = Tape::default();
    tape.refuse_at(Some(3));
    assert_eq!(
        stopped("stubborn", tight(), &tape).await,
        "the component called the sink again after it had refused: enough"
    );
    assert_eq!(tape.events(), 3);
    assert!(tape.with(|recorded| recorded.notes.is_empty()));
}
