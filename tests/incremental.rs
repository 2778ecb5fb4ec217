//! Tomorrow's run costs what changed, and leaves nothing stale behind.

use connector_runtime::engine::{FailureKind, Mode};
use mock_confluence::CorpusSpec;
use serde_json::json;

use crate::support::{
    STREAMS, Tape, assert_same, complete, config, corpus, mock, select, sync, truth,
};

const STRICT: [&str; 3] = ["pages", "page_versions", "page_content_states"];

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_pages_of_which_thirty_changed() {
    for trashed_with_a_version in [true, false] {
        let mock = mock(
            mock_confluence::Corpus::generate(&CorpusSpec {
                pages: 10_000,
                ..CorpusSpec::default()
            }),
            &[],
        );
        let config = mock.config_json().to_string();
        let tape = Tape::default();
        let state = complete(&config, Mode::Incremental, None, &tape).await;
        let changed = mock.with_corpus(|corpus| {
            let live = corpus
                .pages
                .iter()
                .filter(|page| page.status == "current")
                .map(|page| page.id.clone());
            let live: Vec<_> = live.step_by(300).take(27).collect();
            for (minute, id) in live.iter().take(25).enumerate() {
                corpus
                    .edit_page(
                        id,
                        &format!("2026-10-20T10:{minute:02}:00.000Z"),
                        "557058:editor",
                    )
                    .unwrap();
                corpus.set_labels(id, &["changed"]).unwrap();
            }
            let space = corpus.spaces[0].id.clone();
            let created = (0..3).map(|hour| {
                corpus.create_page(
                    &space,
                    "new",
                    &format!("2026-10-20T1{hour}:40:00.000Z"),
                    "557058:editor",
                )
            });
            let created: Vec<_> = created.collect();
            let at = trashed_with_a_version.then_some("2026-10-20T13:00:00.000Z");
            live.iter()
                .skip(25)
                .for_each(|id| corpus.trash_page(id, at).unwrap());
            [live.into_iter().take(25).collect(), created].concat()
        });
        mock.clear_requests();
        let before = mock.request_count();
        let state = complete(&config, Mode::Incremental, Some(&state), &tape).await;
        let cost = mock.request_count() - before;
        println!("{cost} requests, a state of {} bytes", state.len());
        assert!(cost < 200, "{cost} requests");
        let mut expected = mock.with_corpus(|corpus| truth(corpus));
        let mut found = tape.tables();
        // Labels make no version: those of changed pages are seen, and those of trashed pages go.
        found.get_mut("page_labels").unwrap().retain(|key, row| {
            let seen = changed.iter().any(|id| row["page_id"] == **id);
            seen || !expected["page_labels"].contains_key(key)
        });
        expected
            .get_mut("page_labels")
            .unwrap()
            .retain(|_, row| changed.iter().any(|id| row["page_id"] == **id));
        assert_same(&found, &expected, &["page_labels"]);
        assert_same(&found, &expected, &STRICT);
        tape.with(|recorded| {
            assert!(
                recorded.longest_state < 64 * 1024,
                "{}",
                recorded.longest_state
            )
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_nothing_read() {
    let mock = mock(corpus(300), &[]);
    let config = mock.config_json().to_string();
    let tape = Tape::default();
    let state = complete(&config, Mode::Full, None, &tape).await;
    tape.with(|recorded| recorded.rows.clear());
    mock.clear_requests();
    complete(&config, Mode::Incremental, Some(&state), &tape).await;
    let rows: Vec<_> = tape.with(|recorded| recorded.rows.keys().cloned().collect());
    assert_eq!(rows, ["spaces"]);
    let details = mock
        .requests()
        .iter()
        .filter(|request| request.path.contains("/pages/"))
        .count();
    assert_eq!(details, 0);
    tape.with(|recorded| assert!(!recorded.snapshots["pages"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_the_service_is_not_trusted() {
    let mock = mock(corpus(80), &[]);
    let config = config(&mock, json!({ "page_size": 20 }));
    let tape = Tape::default();
    let state = complete(&config, Mode::Incremental, None, &tape).await;
    mock.with_corpus(|corpus| {
        let ids: Vec<_> = corpus
            .pages
            .iter()
            .filter(|page| page.status == "current")
            .map(|p| p.id.clone())
            .collect();
        corpus
            .edit_page(&ids[3], "2026-10-20T10:00:00.000Z", "557058:editor")
            .unwrap();
        corpus
            .edit_page(&ids[40], "2026-10-20T11:00:00.000Z", "557058:editor")
            .unwrap();
    });
    mock.set_faults(vec!["unsorted".parse().unwrap()]);
    complete(&config, Mode::Incremental, Some(&state), &tape).await;
    let expected = mock.with_corpus(|corpus| truth(corpus));
    assert_same(&tape.tables(), &expected, &STRICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_run_sweeps_what_is_gone() {
    let mock = mock(corpus(60), &[]);
    let config = mock.config_json().to_string();
    let tape = Tape::default();
    let state = complete(&config, Mode::Full, None, &tape).await;
    mock.with_corpus(|corpus| {
        let ids: Vec<_> = corpus
            .pages
            .iter()
            .filter(|page| page.status == "current")
            .map(|p| p.id.clone())
            .collect();
        corpus.purge_page(&ids[1]).unwrap();
        corpus.delete_version(&ids[2], 1).unwrap_or_default();
        corpus.set_labels(&ids[3], &[]).unwrap();
    });
    complete(&config, Mode::Full, Some(&state), &tape).await;
    let expected = mock.with_corpus(|corpus| truth(corpus));
    assert_same(&tape.tables(), &expected, &STREAMS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_not_ours_is_refused() {
    let here = mock(corpus(10), &[]);
    let config = here.config_json().to_string();
    let elsewhere = mock(corpus(10), &[]);
    let tape = Tape::default();
    let foreign = complete(
        &elsewhere.config_json().to_string(),
        Mode::Full,
        None,
        &tape,
    )
    .await;
    let newer = foreign.replacen("\"version\":1", "\"version\":2", 1);
    for state in ["", "{}", "garbage", "{\"version\":1}", &foreign, &newer] {
        let outcome = sync(
            &config,
            &select(&STREAMS, Mode::Full),
            Some(state),
            &Tape::default(),
        )
        .await;
        assert_eq!(
            outcome.result.unwrap_err().kind,
            FailureKind::InvalidState,
            "{state}"
        );
    }
}
