//! Each kind of failure, as the component reports it: who must act, what to do, and never a secret.

use connector_runtime::CancellationToken;
use connector_runtime::contract::{Access, FailureKind, Mode};
use connector_runtime::destination::NullDestination;
use connector_runtime::limits::Limits;
use connector_runtime::runtime::SyncRequest;
use serde_json::json;

use crate::support::{
    Tape, config, connect, corpus, every_stream, fail, inject_faults, mock, runtime,
};

/// The mock's own token.
const TOKEN: &str = "ATATT3xmock";

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_that_the_service_can_cause() {
    use FailureKind::{
        Incomplete, InvalidConfig, InvalidCredentials, InvalidPermissions, RateLimited,
        Unavailable, UnexpectedResponse,
    };
    let mock = mock(corpus(10));
    for (fault, expected, words) in [
        ("html-404:endpoint=spaces", InvalidConfig, "base_url"),
        ("wrong-token", InvalidCredentials, "token"),
        ("token-dies:after=20", InvalidCredentials, "token"),
        (
            "missing-scope:scope=read:user:confluence",
            InvalidPermissions,
            "read:user:confluence",
        ),
        ("no-spaces", InvalidPermissions, "space"),
        ("rate-limit-long:after=9", RateLimited, "call again later"),
        ("503:endpoint=pages", Unavailable, "503"),
        ("503:endpoint=labels", Incomplete, "page_labels"),
        ("redirect:endpoint=pages", UnexpectedResponse, "redirect"),
        (
            "wrong-types:endpoint=pages,shape=object",
            UnexpectedResponse,
            "",
        ),
    ] {
        inject_faults(&mock, &[fault]);
        let tape = Tape::default();
        let failure = fail(&config(&mock, json!({})), Mode::Full, &tape).await;
        assert_eq!(failure.kind, expected, "{fault}: {}", failure.message);
        let told = format!("{failure:?} {:?}", tape.notes());
        assert!(failure.message.contains(words), "{fault}: {told}");
        assert!(!told.contains(TOKEN), "{fault}: {told}");
        assert!(!told.contains("Basic "), "{fault}: {told}");
        if expected == RateLimited {
            assert_eq!(failure.retry_after_ms, Some(1_847_000));
        }
    }
}

/// What no request is needed for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_home_is_said_before_any_request() {
    let mock = mock(corpus(10));
    let typo = config(&mock, json!({ "page_sise": 5, "max_concurrency": "many" }));
    let failure = fail(&typo, Mode::Full, &Tape::default()).await;
    assert_eq!(failure.kind, FailureKind::InvalidConfig);
    for field in ["page_sise", "max_concurrency"] {
        assert!(failure.message.contains(field), "{}", failure.message);
    }
    let (streams, config) = (every_stream(Mode::Full), config(&mock, json!({})));
    for state in ["garbage", "{\"version\":1}"] {
        let connection = connect(&config).await;
        let request = SyncRequest {
            selection: &streams,
            state: Some(state),
            ..SyncRequest::default()
        };
        let tape = Box::new(Tape::default().open());
        let ended = runtime().await.sync(&connection, request, tape).await;
        let failure = ended.unwrap().result.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidState, "{state}");
    }
    assert_eq!(mock.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_told_to_stop_says_so() {
    let mock = mock(corpus(10));
    let (tape, streams) = (Tape::default(), every_stream(Mode::Full));
    let cancellation = CancellationToken::new();
    let stop = cancellation.clone();
    tape.observe(move || stop.cancel());
    let connection = connect(&config(&mock, json!({}))).await;
    let request = SyncRequest {
        selection: &streams,
        cancellation,
        ..SyncRequest::default()
    };
    let ended = runtime()
        .await
        .sync(&connection, request, Box::new(tape.open()));
    let failure = ended.await.unwrap().result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Cancelled, "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_says_what_to_do() {
    use FailureKind::{InvalidConfig, InvalidCredentials, InvalidPermissions};
    let mock = mock(corpus(10));
    for (fault, kind, words) in [
        ("near-limit", None, ""),
        ("wrong-token", Some(InvalidCredentials), "token"),
        (
            "scoped-on-site",
            Some(InvalidCredentials),
            "api.atlassian.com/ex/confluence",
        ),
        (
            "missing-scope",
            Some(InvalidPermissions),
            "read:page:confluence",
        ),
        ("html-404", Some(InvalidConfig), "base_url"),
        ("views-refused", None, ""),
    ] {
        inject_faults(&mock, &[fault]);
        mock.clear_requests();
        let connection = connect(&config(&mock, json!({}))).await;
        let (limits, stop) = (Limits::default(), CancellationToken::new());
        let runtime = runtime().await;
        let found = runtime.validate(&connection, limits, Box::new(NullDestination), &stop);
        let found = found.await.unwrap();
        let (found_kind, message) = match &found.error {
            Some(error) => (Some(error.kind), error.message.as_str()),
            None => (None, ""),
        };
        assert_eq!(found_kind, kind, "{fault}: {message}");
        assert!(message.contains(words), "{fault}: {message}");
        if fault == "views-refused" {
            let mut endpoints = found.endpoints.iter();
            let views = endpoints.find(|found| found.endpoint.contains("views"));
            assert_eq!(views.unwrap().access, Access::Unavailable);
        }
        let requests = mock.requests().len();
        assert!(requests <= 10, "{fault}: {requests} requests");
    }
}
