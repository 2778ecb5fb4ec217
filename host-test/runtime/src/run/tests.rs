//! What is selected, and what a run that failed says.

#![allow(clippy::unwrap_used)]

use anyhow::anyhow;
use serde_json::json;

use super::*;
use crate::contract::types::StreamInfo;

fn stream(name: &str, modes: &[Mode]) -> StreamInfo {
    StreamInfo {
        name: name.to_owned(),
        description: String::new(),
        primary_key: vec!["id".to_owned()],
        cursor_field: None,
        modes: modes.to_vec(),
        endpoint: String::new(),
        scope: String::new(),
        schema: json!({"properties": {"id": {"type": "string"}}}).to_string(),
    }
}

fn failed(kind: FailureKind, refusal: Option<&'static str>) -> Outcome {
    Outcome {
        result: Err(Failure::new(kind, "the component's words")),
        refusal: refusal.map(|words| anyhow!(words)),
        exceeded: None,
        usage: Usage::default(),
    }
}

#[test]
fn streams_come_in_the_catalogues_order_in_a_mode_that_they_have() {
    let infos = vec![
        stream("spaces", &[Mode::Full]),
        stream("pages", &[Mode::Full, Mode::Incremental]),
        stream("users", &[Mode::Full, Mode::Incremental]),
    ];
    let streams = Stream::parse_all(infos).unwrap();
    let incremental = |name: &str| Selection {
        stream: name.to_owned(),
        mode: Mode::Incremental,
    };
    let selected = select(&streams, &[incremental("users"), incremental("spaces")]).unwrap();
    let selected: Vec<_> = selected.iter().map(|s| (&*s.stream, s.mode)).collect();
    assert_eq!(
        selected,
        [("spaces", Mode::Full), ("users", Mode::Incremental)]
    );
    let error = select(&streams, &[incremental("blogs\n")])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "there is no stream \"blogs\\\\n\"; there are spaces, pages, users"
    );
}

#[test]
fn a_refusal_is_said_in_the_destinations_words() {
    let queued_last = Outcome {
        result: Ok(Summary::new()),
        ..failed(FailureKind::Other, Some("disk full"))
    };
    for (outcome, kind, message) in [
        (
            Ok(failed(FailureKind::Cancelled, Some("disk full"))),
            FailureKind::Cancelled,
            "disk full",
        ),
        (
            Ok(failed(FailureKind::Unavailable, Some("disk full"))),
            FailureKind::Unavailable,
            "the component's words (the destination refused: disk full)",
        ),
        (
            Ok(failed(FailureKind::Cancelled, None)),
            FailureKind::Cancelled,
            "the component's words",
        ),
        (Ok(queued_last), FailureKind::Cancelled, "disk full"),
        (
            Err(anyhow!("too much memory")),
            FailureKind::Other,
            "too much memory",
        ),
        (
            Err(anyhow!(Stopped)),
            FailureKind::Cancelled,
            "interrupted; the next run resumes at the last checkpoint",
        ),
    ] {
        let failure = conclude(outcome).unwrap_err();
        assert_eq!((failure.kind, &*failure.message), (kind, message));
    }
}
