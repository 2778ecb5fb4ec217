//! States from anywhere.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::error::{Kind, Result};

fn config_with(extra: &str) -> Config {
    let json = format!(
        r#"{{"base_url":"https://x.atlassian.net","username":"a@b.c","api_token":"t"{extra}}}"#
    );
    Config::parse(&json).unwrap()
}

fn config() -> Config {
    config_with("")
}

fn restored(text: &str) -> Result<State> {
    State::restore(Some(text), &config()).map(|restored| restored.state)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A state with something of everything.
fn full() -> State {
    let mut state = State::new(&config());
    let streams: StreamSet = [Stream::Pages, Stream::Users].into_iter().collect();
    state.advance(Stream::Pages, at(1_790_000_000_000));
    state.recent = RecentRows::of(streams);
    let newest = at(1_790_000_000_000);
    state
        .recent
        .remember(StableHash::of(b"row"), newest, newest);
    state
        .recent
        .archived_or_trashed
        .toggle("7", StableHash::of(b"row"));
    state.pages = Some(7);
    let position = Position {
        step: 2,
        cursor: Some("abc\"".to_owned()),
        resume_after: Some(SortKey::Id(7)),
    };
    state.refresh = Some(Refresh {
        streams,
        started: at(5),
        position: position.clone(),
        pages: 3,
        listed: IdSketch::default(),
        last_listed: Some(3),
        delivered: vec![4],
    });
    state.unverified.clone_from(&state.refresh);
    state.set_aside.add("9", streams, "HTTP 504");
    state.skipped = vec!["8".to_owned()];
    state.spared = Some(Spared {
        plan: StableHash::of(b"plan"),
        streams,
    });
    state.run = Some(Run {
        position: Position {
            resume_after: Some(SortKey::Modified(at(5))),
            ..position
        },
        accounts: vec!["a".to_owned()],
        vanished: vec!["6".to_owned()],
        newest: Some(at(6)),
        ..Run::default()
    });
    state
}

#[test]
fn a_state_comes_back_as_it_was() {
    for state in [State::new(&config()), full()] {
        let text = state.to_json().unwrap();
        assert_eq!(restored(&text), Ok(state));
    }
    let fresh = State::restore(None, &config()).unwrap();
    assert_eq!(fresh.state, State::new(&config()));
    assert_eq!(fresh.afresh, None);
}

#[test]
fn a_watermark_never_goes_back() {
    let mut state = State::new(&config());
    for (millis, expected) in [(5, 5), (3, 5), (9, 9)] {
        state.advance(Stream::Pages, at(millis));
        assert_eq!(state.watermark(Stream::Pages), Some(at(expected)));
    }
    assert_eq!(state.watermark(Stream::Users), None);
}

#[test]
fn another_version_says_which_and_what_to_do() {
    let text = full().to_json().unwrap();
    for (version, part) in [
        (1, "an older component wrote it"),
        (2, "an older component wrote it"),
        (4, "a newer component wrote it"),
    ] {
        let text = text.replacen("\"version\":3", &format!("\"version\":{version}"), 1);
        let error = restored(&text).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidState);
        let expected = format!("has version {version}, this component reads version 3; {part}");
        assert!(error.message.contains(&expected), "{}", error.message);
    }
}

#[test]
fn another_choice_of_spaces_begins_afresh_and_the_same_one_goes_on() {
    let two = config_with(r#","spaces":["A","~b"]"#);
    let text = State::new(&two).to_json().unwrap();
    for (spaces, changed) in [
        (r#","spaces":["~B","a"]"#, false),
        (r#","spaces":["A"]"#, true),
        (r#","spaces":["A","~b"],"exclude_spaces":["C"]"#, true),
        (
            r#","spaces":["A","~b"],"include_personal_spaces":false"#,
            true,
        ),
        ("", true),
    ] {
        let restored = State::restore(Some(&text), &config_with(spaces)).unwrap();
        assert_eq!(restored.afresh.is_some(), changed, "{spaces}");
    }
}

/// 200 pages set aside, with all their streams, and the newest rows twice.
#[test]
fn a_state_is_small() {
    let mut state = full();
    for page in 0..MAX_SET_ASIDE {
        let id = (4_000_000_000_000 + page).to_string();
        state.set_aside.add(&id, StreamSet::ALL, &"x".repeat(100));
    }
    assert!(!state.set_aside.has_room_for("1"));
    assert!(state.set_aside.has_room_for("9"));
    for row in 0_u32..1000 {
        let newest = at(1_790_000_000_000);
        let hash = StableHash::of(&row.to_be_bytes());
        state.recent.remember(hash, newest, newest);
    }
    state.run = Some(Run {
        recent: state.recent.clone(),
        ..Run::default()
    });
    let length = state.to_json().unwrap().len();
    assert!(length < 60 * 1024, "{length}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,100}") {
        let error = restored(&text).unwrap_err();
        prop_assert_eq!(error.kind, Kind::InvalidState);
    }

    /// What was changed in a state is noticed, or makes no difference.
    #[test]
    fn no_damage_is_taken_for_a_state(at in 0_usize..2000, with in "\\PC{0,3}") {
        let mut text = full().to_json().unwrap();
        let at = at % text.len();
        text.replace_range(at..=at, &with);
        match restored(&text) {
            Ok(state) => prop_assert_eq!(state, full()),
            Err(error) => prop_assert_eq!(error.kind, Kind::InvalidState),
        }
    }
}
