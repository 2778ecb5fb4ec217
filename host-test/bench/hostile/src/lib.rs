//! A component of the contract that attacks its host, for the tests of the host's limits and for the bench.
//!
//! Each attack breaks one rule or limit. The configuration names it: `{"attack": "flood 250"}`. What an attack
//! survived is in the failure that `sync` returns; this guest never ends well. What it says at registration is
//! one of `registration::VARIANTS`, chosen by a marker in its bytes. It is written in Rust, not as text of
//! WebAssembly, because attacks by way of `wasi:http` take rich types.
#![cfg(target_family = "wasm")]

mod delivery;
mod hoard;
mod http;
mod registration;
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
    wit_bindgen::generate!({
        inline: "
            package dx:hostile;
            world guest {
                import dx:connector/sink@0.2.0;
                export dx:connector/source@0.2.0;
            }
        ",
        path: "../../../wit",
        world: "dx:hostile/guest",
        generate_all,
    });
}

use bindings::dx::connector::types::{Failure, FailureKind, Selection};
use bindings::exports::dx::connector::source::{Description, Guest, StreamInfo, Validation};

struct Hostile;

bindings::export!(Hostile with_types_in bindings);

impl Guest for Hostile {
    fn describe() -> Description {
        registration::describe()
    }

    fn validate(config: String) -> Validation {
        let said = attack(&config);
        Validation {
            error: Some(failure(said)),
            endpoints: Vec::new(),
            details: None,
        }
    }

    fn list_streams() -> Vec<StreamInfo> {
        registration::streams()
    }

    fn sync(config: String, _: Vec<Selection>, _: Option<String>) -> Result<String, Failure> {
        Err(failure(attack(&config)))
    }
}

fn failure(message: String) -> Failure {
    Failure {
        kind: FailureKind::Other,
        message,
        endpoint: None,
        http_status: None,
        retry_after_ms: None,
        details: Some(r#"{"rows":{"\u001b[2Jforged":1}}"#.to_owned()),
    }
}

/// The value of `attack`: this guest reads no JSON, and its configurations hold no escapes.
fn attack(config: &str) -> String {
    let name = r#""attack":""#;
    let Some(start) = config.find(name) else {
        return "no attack was named".to_owned();
    };
    let rest = &config[start + name.len()..];
    let words = &rest[..rest.find('"').unwrap_or(rest.len())];
    let mut words = words.split(' ');
    let mut next = || words.next().unwrap_or_default();
    match next() {
        "show-config" => config.to_owned(),
        "show-escapes" => "\u{1b}[2J\u{202e}forged\nline".to_owned(),
        "loop" => spend::processor(),
        "sleep" => spend::time(),
        "memory" => spend::memory(number(next())),
        "stack" => spend::stack(),
        "trap" => spend::trap(),
        "random" => spend::randomness(),
        "flood" => sink::flood(number(next())),
        "empty-rows" => sink::empty_rows(number(next())),
        "many-rows" => sink::many_rows(number(next())),
        "many-replaces" => sink::many_replaces(number(next())),
        "many-values" => sink::many_values(number(next())),
        "long-rows" => sink::long_rows(number(next())),
        "giant-row" => sink::giant_row(number(next())),
        "same-row" => sink::same_row(number(next())),
        "state" => sink::state(number(next())),
        "notes" => sink::notes(number(next())),
        "progress-names" => sink::progress_names(number(next()), number(next())),
        "waits" => sink::waits(),
        "escaping-note" => sink::escaping_note(),
        "endless-wait" => sink::endless_wait(),
        "after-refusal" => sink::after_refusal(),
        "deliver" => delivery::deliver(next()),
        "handles" => hoard::handles(),
        "fields" => hoard::one_set_of_fields(),
        "many-fields" => hoard::endless_fields(),
        "hoard-fields" => hoard::fields(number(next())),
        "get" => http::get(next()),
        "send" => http::send_method(next(), next()),
        "repeat" => http::repeat(next()),
        "again" => http::again(number(next()), next()),
        "set-header" => http::with_header(next(), next()),
        "post" => http::post(number(next()), next()),
        "post-beside" => http::post_beside(number(next()), next()),
        "give-up" => http::give_up(next()),
        "long-texts" => hoard::long_texts(number(next())),
        "hoard-bodies" => hoard::bodies(number(next())),
        "body-after" => hoard::body_after(number(next()), next()),
        "hoard-answers" => hoard::answers(number(next()), next()),
        "at-once" => http::at_once(number(next()), next()),
        other => format!("no such attack: {other}"),
    }
}

fn number(word: &str) -> usize {
    word.parse().unwrap_or_default()
}
