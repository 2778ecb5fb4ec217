//! A full read: every row of every stream, and no request that it does not need.

use std::collections::BTreeSet;
use std::time::Duration;

use connector_runtime::connection::{ConnectionOptions, Signing};
use connector_runtime::contract::Mode;
use connector_runtime::limits::Limits;
use connector_runtime::request_permits::RequestPermits;
use connector_runtime::runtime::SyncRequest;
use mock_confluence::{BaseUrl, Corpus, CorpusSpec, Endpoint, Mock};
use serde_json::json;

use crate::support::{
    Tape, assert_same, complete, config, corpus, every_stream, expected_tables, inject_faults,
    kind, mock, on_loopback, oracle, runtime, select, sync,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_row_arrives_at_any_page_size_from_both_addresses() {
    let mock = mock(corpus(40));
    mock.set_latency(Duration::from_millis(2));
    let expected = expected_tables(&mock);
    for (base_url, page_size) in [
        (BaseUrl::Gateway, 250),
        (BaseUrl::Gateway, 7),
        (BaseUrl::Site, 1),
    ] {
        let tape = Tape::default();
        let base_url = mock.base_url(base_url);
        let config = config(
            &mock,
            json!({ "base_url": base_url, "page_size": page_size }),
        );
        let summary = complete(&config, Mode::Full, &tape).await;
        assert_same(&tape.tables(), &expected, &format!("{page_size}"));
        assert_eq!(tape.take_closed().len(), 7, "every snapshot was closed");
        let emitted = serde_json::to_value(tape.take_emitted()).unwrap();
        assert_eq!(summary["rows"], emitted, "what the summary says is true");
    }
    assert_polite(&mock);
}

/// Nothing that the OpenAPI files don't allow, nothing without credentials, no more at once than is configured.
fn assert_polite(mock: &Mock) {
    for request in mock.requests() {
        // The views of some pages are not to be had.
        let fine = request.status == 200 || request.endpoint == Some(Endpoint::Views);
        assert!(fine && request.authorization, "{request:?}");
    }
    let busiest = mock.max_in_flight();
    assert!((2..=8).contains(&busiest), "{busiest} in flight");
}

/// More requests than the operator permits at once wait, and none of them fails. A look-up of accounts, whose request has a
/// body, waits as well while an answer is read that is still under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_operator_may_permit_fewer_requests_in_flight_than_the_configuration() {
    let many_accounts = Corpus::generate(&CorpusSpec {
        pages: 20,
        ..CorpusSpec::default()
    });
    for (corpus, permitted) in [(corpus(20), 2), (many_accounts, 1)] {
        let mock = mock(corpus);
        mock.set_latency(Duration::from_millis(2));
        let options = ConnectionOptions {
            request_permits: Some(RequestPermits::new(permitted)),
            ..on_loopback(Signing::Guest)
        };
        let config = config(&mock, json!({})).to_string();
        let connection = runtime().await.connect(&config, options).unwrap();
        let (tape, selection) = (Tape::default(), every_stream(Mode::Full));
        let request = SyncRequest {
            limits: Limits {
                wall: Duration::from_mins(1),
                ..Limits::default()
            },
            selection: &selection,
            ..SyncRequest::default()
        };
        let destination = Box::new(tape.open());
        let synced = runtime().await.sync(&connection, request, destination);
        assert!(synced.await.unwrap().result.is_ok());
        let what = format!("{permitted} at once");
        assert_same(&tape.tables(), &expected_tables(&mock), &what);
        assert_eq!(mock.max_in_flight(), permitted);
    }
}

/// Listings as they were seen: empty pages, short pages, a `Link` header instead of `_links`.
#[tokio::test(flavor = "multi_thread")]
async fn awkward_paging_loses_no_row() {
    let mock = mock(corpus(20));
    let expected = expected_tables(&mock);
    for fault in [
        "empty-page",
        "short-pages",
        "no-next-but-link",
        "cursor-expires:count=2",
    ] {
        inject_faults(&mock, &[fault]);
        let tape = Tape::default();
        let config = config(&mock, json!({ "page_size": 5 }));
        complete(&config, Mode::Full, &tape).await;
        assert_same(&tape.tables(), &expected, fault);
    }
    inject_faults(&mock, &["cursor-circle"]);
    let config = config(&mock, json!({ "page_size": 5 }));
    let outcome = sync(&config, &every_stream(Mode::Full), &Tape::default()).await;
    assert!(kind(&outcome).is_some(), "a listing without end ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_costs_no_request_that_it_does_not_need() {
    let mock = mock(corpus(15));
    let config = config(&mock, json!({}));
    let expected = expected_tables(&mock);
    for (streams, endpoints) in [
        (&["spaces"][..], &[Endpoint::Spaces][..]),
        (&["page_labels"], &[Endpoint::Pages, Endpoint::Labels]),
        (
            &["page_views", "page_content_states"],
            &[Endpoint::Pages, Endpoint::Views, Endpoint::States],
        ),
    ] {
        mock.clear_requests();
        let tape = Tape::default();
        let outcome = sync(&config, &select(streams, Mode::Full), &tape).await;
        assert_eq!(kind(&outcome), None, "{streams:?}");
        let mut expected = expected.clone();
        expected.retain(|stream, _| streams.contains(stream));
        assert_same(&tape.tables(), &expected, streams[0]);
        let requests = mock.requests().into_iter();
        let asked: BTreeSet<_> = requests.filter_map(|request| request.endpoint).collect();
        assert_eq!(asked, endpoints.iter().copied().collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_spaces_are_read_and_no_others() {
    let mock = mock(corpus(30));
    let keys: Vec<_> = mock.with_corpus(|corpus| {
        let spaces = corpus.spaces.iter();
        spaces.map(|space| space.key.clone()).collect()
    });
    let (first, rest) = keys.split_first().unwrap();
    for (fields, read) in [
        (json!({ "spaces": [first] }), vec![first.as_str()]),
        (
            json!({ "exclude_spaces": [first] }),
            rest.iter().map(String::as_str).collect(),
        ),
    ] {
        let tape = Tape::default();
        let config = config(&mock, fields);
        complete(&config, Mode::Full, &tape).await;
        let expected = mock.with_corpus(|corpus| oracle(corpus, &read));
        assert_same(&tape.tables(), &expected, &format!("{read:?}"));
    }
}
