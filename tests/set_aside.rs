//! Pages that fail cost nothing else: the rest arrives, and the run says that it is incomplete.

use connector_runtime::contract::{FailureKind, Mode};
use serde_json::{Value, json};

use crate::support::{
    Tape, assert_same, complete, config, corpus, current_pages, expected_tables, fail,
    inject_faults, mock,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_is_set_aside_and_tried_first_by_the_next_run() {
    let mock = mock(corpus(20));
    let page = current_pages(&mock)[3].clone();
    let config = config(&mock, json!({}));
    inject_faults(&mock, &[&format!("503:endpoint=labels,page={page}")]);
    let tape = Tape::default();
    let failure = fail(&config, Mode::Full, &tape).await;
    assert_eq!(failure.kind, FailureKind::Incomplete, "{}", failure.message);
    assert!(failure.message.contains(&page), "{}", failure.message);
    let set_aside = failure.details["set_aside"].as_array().unwrap();
    assert_eq!(set_aside.len(), 1, "{set_aside:?}");
    assert_eq!(set_aside[0]["page_id"], page.as_str());
    assert_eq!(set_aside[0]["streams"], json!(["page_labels"]));
    let mut all_others = expected_tables(&mock);
    let labels = all_others.get_mut("page_labels").unwrap();
    labels.retain(|_, row| row["page_id"] != page.as_str());
    assert_same(&tape.tables(), &all_others, "all but one page's labels");

    inject_faults(&mock, &[]);
    mock.clear_requests();
    let summary = complete(&config, Mode::Full, &tape).await;
    assert_eq!(summary["set_aside"], json!([]));
    assert_same(
        &tape.tables(),
        &expected_tables(&mock),
        "it came in the end",
    );
    let requests = mock.requests();
    assert!(requests[0].query.contains(&page), "its status comes first");
    let labels = requests
        .iter()
        .filter(|request| request.path.ends_with("/labels"));
    assert_eq!(labels.count(), 1, "nothing is read twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_skip_does_not_make_a_run_incomplete() {
    let mock = mock(corpus(20));
    let page = current_pages(&mock)[3].clone();
    let tape = Tape::default();
    complete(&config(&mock, json!({})), Mode::Full, &tape).await;
    let before = expected_tables(&mock);
    inject_faults(&mock, &[&format!("503:endpoint=labels,page={page}")]);
    mock.with_corpus(|corpus| corpus.set_labels(&page, &["new"]))
        .unwrap();
    let skipping = config(&mock, json!({ "skip_pages": [page] }));
    let summary = complete(&skipping, Mode::Full, &tape).await;
    assert_eq!(summary["skipped"], json!([page]));
    assert_same(&tape.tables(), &before, "its old details stay");
}

/// One endpoint down is not twenty bad pages: its stream stays as it is, the others are whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_costs_its_own_stream_alone() {
    let mock = mock(corpus(20));
    inject_faults(&mock, &["analytics-down"]);
    let tape = Tape::default();
    let failure = fail(&config(&mock, json!({})), Mode::Full, &tape).await;
    assert_eq!(failure.kind, FailureKind::Incomplete, "{}", failure.message);
    assert_eq!(
        failure.details["set_aside"],
        json!([]),
        "no page is at fault"
    );
    let mut all_others = expected_tables(&mock);
    all_others.remove("page_views");
    assert_same(&tape.tables(), &all_others, "no nulls are made up");
    assert!(!tape.take_closed().contains("page_views"));
    let views = mock.requests().into_iter();
    let views = views
        .filter(|request| request.path.ends_with("/views"))
        .count();
    assert!(views <= 13, "{views} requests for views");
}

/// A value without meaning is null and counted; the run is good.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_read_is_null_and_counted() {
    let mock = mock(corpus(10));
    inject_faults(&mock, &["odd-times:form=garbage,row=0,endpoint=spaces"]);
    let tape = Tape::default();
    let summary = complete(&config(&mock, json!({})), Mode::Full, &tape).await;
    // Current and archived spaces are listed one after the other: each listing has such a row.
    assert_eq!(summary["unreadable_values"], 2);
    let tables = tape.tables();
    let without_time = |row: &&Value| row["created_at"].is_null();
    assert_eq!(tables["spaces"].values().filter(without_time).count(), 2);
}
