//! A component of the contract that means harm, for the tests of the host's limits and for `host-test bench`.
//!
//! Each act breaks one limit. Which one is asked for by the name of the stream, so that the contract needs
//! no word for it: `flood 250`, `get http://…`. What an act met and outlived is told in the failure that
//! `sync` returns; this guest never ends well. It is written in Rust, not as text of WebAssembly, because
//! harm by way of `wasi:http` takes rich types; it needs no crate that the connector doesn't.
#![cfg(target_family = "wasm")]

mod http;
mod sink;
mod spend;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::expect_used,
    clippy::panic
)]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "connector" });
}

use bindings::dx::connector::types::{Failure, FailureKind, Selection};
use bindings::exports::dx::connector::source::{Guest, StreamInfo, Validation};

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

impl Guest for Hostile {
    fn validate(_: String) -> Validation {
        Validation {
            error: None,
            endpoints: Vec::new(),
        }
    }

    fn list_streams() -> Vec<StreamInfo> {
        Vec::new()
    }

    fn sync(_: String, streams: Vec<Selection>, _: Option<String>) -> Result<(), Failure> {
        let acts = streams.iter().map(|selected| act(&selected.stream));
        Err(Failure {
            kind: FailureKind::Other,
            message: acts.collect::<Vec<_>>().join("; "),
            endpoint: None,
            http_status: None,
            retry_after_ms: None,
        })
    }
}

fn act(words: &str) -> String {
    let mut words = words.split(' ');
    let mut next = || words.next().unwrap_or_default();
    match next() {
        "loop" => spend::processor(),
        "sleep" => spend::time(),
        "memory" => spend::memory(),
        "stack" => spend::stack(),
        "trap" => spend::trap(),
        "random" => spend::randomness(),
        "flood" => sink::flood(number(next())),
        "giant-row" => sink::giant_row(number(next())),
        "same-row" => sink::same_row(number(next())),
        "state" => sink::state(number(next())),
        "notes" => sink::notes(number(next())),
        "stubborn" => sink::stubborn(),
        "handles" => http::handles(),
        "fields" => http::fields(),
        "get" => http::get(next()),
        "again" => http::again(number(next()), next()),
        "host" => http::with_header("host", next()),
        "post" => http::post(number(next()), next()),
        "at-once" => http::at_once(number(next()), next()),
        other => format!("no such act: {other}"),
    }
}

fn number(word: &str) -> usize {
    word.parse().unwrap_or_default()
}
