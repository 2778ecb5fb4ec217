//! Guests that mean harm are stopped while their neighbours deliver everything.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::connection::Connection;
use connector_runtime::engine::Mode;
use connector_runtime::limits::Limits;
use serde_json::json;
use tokio::task::JoinSet;

use super::{stopped, tight};
use crate::support::{STREAMS, Tape, assert_same, config, corpus, mock, runtime, select, truth};

const TENANTS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_are_done_beside_one_that_loops_and_two_that_flood() {
    let mock = mock(corpus(20), &[]);
    let config = Arc::new(config(&mock, json!({ "max_concurrency": 2 })));
    let paced = Limits {
        wall: Duration::from_secs(2),
        rows_per_second: Some(1_000),
        ..tight()
    };
    let mut harm = JoinSet::new();
    for (words, limits, error) in [
        (
            "loop",
            tight(),
            "the call uses more than its 0.2 s of the processor",
        ),
        (
            "flood 250",
            tight(),
            "the call uses more than its 0.2 s of the processor",
        ),
        ("flood 250", paced, "the call takes longer than its 2 s"),
    ] {
        harm.spawn(async move {
            assert_eq!(stopped(words, limits, &Tape::default()).await, error);
        });
    }
    let mut honest = JoinSet::new();
    for _ in 0..TENANTS {
        let config = Arc::clone(&config);
        honest.spawn(async move { whole(&config).await });
    }
    let truth = mock.with_corpus(|corpus| truth(corpus));
    while let Some(tape) = honest.join_next().await {
        assert_same(&tape.unwrap().tables(), &truth, &STREAMS);
    }
    while let Some(stopped) = harm.join_next().await {
        stopped.unwrap();
    }
}

async fn whole(config: &str) -> Tape {
    let (tape, selection) = (Tape::default(), select(&STREAMS, Mode::Full));
    let connection = Connection::new(config);
    let output = Box::new(tape.clone());
    let ended = runtime()
        .sync(&connection, Limits::default(), &selection, None, output)
        .await;
    assert!(ended.unwrap().result.is_ok());
    tape
}
