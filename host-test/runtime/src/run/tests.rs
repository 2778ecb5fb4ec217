//! What is selected, and that a run that is told to stop does.

#![allow(clippy::unwrap_used, clippy::panic)]

use anyhow::anyhow;

use super::*;
use crate::engine::{Nothing, Options};

fn failed(kind: FailureKind, refusal: Option<&'static str>) -> Outcome {
    Outcome {
        result: Err(failure(kind)(anyhow!("the component's words"))),
        refusal: refusal.map(|words| anyhow!(words)),
        exceeded: None,
        usage: Usage::default(),
    }
}

#[tokio::test]
async fn streams_come_in_the_catalogue_s_order_in_a_mode_that_they_have() {
    let streams = Runtime::new(&Options::default())
        .unwrap()
        .list_streams()
        .await
        .unwrap();
    let wish = |name: &str| (name.to_owned(), Mode::Incremental);
    let selected = select(&streams, &[wish("users"), wish("spaces")]).unwrap();
    let selected: Vec<_> = selected.iter().map(|s| (&*s.stream, s.mode)).collect();
    assert_eq!(
        selected,
        [("spaces", Mode::Full), ("users", Mode::Incremental)]
    );
    let error = select(&streams, &[wish("blogs")]).unwrap_err().to_string();
    assert!(
        error.starts_with("there is no stream \"blogs\"; there are spaces, "),
        "{error}"
    );
}

#[test]
fn a_refusal_is_told_in_the_output_s_words_and_others_in_their_own() {
    for (outcome, kind, message) in [
        (
            Ok(failed(FailureKind::Cancelled, Some("disk full"))),
            FailureKind::Cancelled,
            "disk full",
        ),
        (
            Ok(failed(FailureKind::Unavailable, Some("disk full"))),
            FailureKind::Unavailable,
            "the component's words",
        ),
        (
            Ok(failed(FailureKind::Cancelled, None)),
            FailureKind::Cancelled,
            "the component's words",
        ),
        (
            Err(anyhow!("too much memory")),
            FailureKind::Other,
            "too much memory",
        ),
    ] {
        let failure = conclude(outcome).unwrap_err();
        assert_eq!((failure.kind, &*failure.message), (kind, message));
    }
}

#[test]
fn who_is_told_to_stop_takes_nothing_more() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut output = Interruptible {
        inner: Nothing,
        stop: Arc::clone(&stop),
    };
    output.checkpoint("1").unwrap();
    stop.store(true, Ordering::Relaxed);
    let error = output.checkpoint("2").unwrap_err().to_string();
    assert!(error.starts_with("interrupted"), "{error}");
    assert!(output.finished("pages", true).is_err());
}
