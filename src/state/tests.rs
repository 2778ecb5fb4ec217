//! States from anywhere.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn config() -> Config {
    Config::parse(r#"{"base_url":"https://x.atlassian.net","username":"a@b.c","api_token":"t"}"#)
        .unwrap()
}

fn full() -> State {
    let mut state = State::new(&config());
    state.advance(Stream::Pages, Timestamp::from_millis(1_790_000_000_000));
    let delivered = r#"{"streams":["pages"],"newest":["-7@1790000000000"],"put_away":""}"#;
    let fields = Fields::of_state(delivered).unwrap();
    state.delivered = Delivered::of_fields(fields).unwrap();
    state
}

fn run() -> Run {
    let place = Place {
        step: 2,
        cursor: Some("abc\"".to_owned()),
        passed: Some("7".to_owned()),
    };
    Run {
        place,
        accounts: vec!["a".to_owned()],
        ..Run::default()
    }
}

fn written(between: &str) -> String {
    let run = run();
    let accounts = List::of(run.accounts.iter().map(String::as_str));
    write_during(between, &run, &accounts)
}

#[test]
fn a_state_comes_back_as_it_was() {
    for state in [State::new(&config()), full()] {
        let text = state.write();
        assert_eq!(State::read(Some(&text), &config()).as_ref(), Ok(&state));
        let within = State {
            run: Some(run()),
            ..state
        };
        let text = written(&text);
        assert_eq!(State::read(Some(&text), &config()), Ok(within));
    }
    assert_eq!(State::read(None, &config()), Ok(State::new(&config())));
}

#[test]
fn a_watermark_never_goes_back() {
    let mut state = State::new(&config());
    for (at, expected) in [(5, 5), (3, 5), (9, 9)] {
        state.advance(Stream::Pages, Timestamp::from_millis(at));
        let watermark = state.watermark(Stream::Pages).map(Timestamp::millis);
        assert_eq!(watermark, Some(expected));
    }
    assert_eq!(state.watermark(Stream::Users), None);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,100}") {
        let error = State::read(Some(&text), &config()).unwrap_err();
        prop_assert_eq!(error.kind, Kind::InvalidState);
    }

    #[test]
    fn no_damage_panics(at in 0_usize..1000, with in "\\PC{0,3}") {
        let mut text = written(&full().write());
        let at = at % text.len();
        if text.is_char_boundary(at) {
            text.replace_range(at..=at, &with);
        }
        if let Err(error) = State::read(Some(&text), &config()) {
            prop_assert_eq!(error.kind, Kind::InvalidState);
        }
    }
}
