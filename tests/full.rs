//! A full read: every row of every stream, with no request more than needed.

use connector_runtime::engine::Mode;
use mock_confluence::{BaseUrl, Endpoint, Mock};
use serde_json::json;

use crate::support::{
    STREAMS, Tape, assert_same, complete, config, corpus, mock, select, sync, truth,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_row_at_every_page_size_on_both_base_urls() {
    for (pages, page_size) in [(12, 1), (30, 2), (60, 7), (400, 250)] {
        let mock = mock(corpus(pages), &[]);
        let expected = mock.with_corpus(|corpus| truth(corpus));
        for base_url in [BaseUrl::Gateway, BaseUrl::Site] {
            let base_url = mock.base_url(base_url);
            let config = config(
                &mock,
                json!({ "page_size": page_size, "base_url": base_url }),
            );
            let tape = Tape::default();
            complete(&config, Mode::Full, None, &tape).await;
            assert_same(&tape.tables(), &expected, &STREAMS);
            tape.with(|recorded| assert!(recorded.snapshots.values().all(|snapshot| *snapshot)));
        }
        assert_clean(&mock);
    }
}

/// No request that the OpenAPI doesn't allow, none without credentials, none beyond what may be in flight.
fn assert_clean(mock: &Mock) {
    let requests = mock.requests();
    // Analytics of some pages are not to be had.
    let fine = |request: &&mock_confluence::LoggedRequest| {
        request.status == 200 || request.endpoint == Some(Endpoint::Views)
    };
    let refused = requests.iter().find(|request| !fine(request));
    assert!(refused.is_none(), "{refused:?}");
    assert!(requests.iter().all(|request| request.authorization));
    assert!(
        mock.max_in_flight() <= 8,
        "{} in flight",
        mock.max_in_flight()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_run_asks_only_what_it_must() {
    let mock = mock(corpus(400), &[]);
    let tape = Tape::default();
    complete(&mock.config_json().to_string(), Mode::Full, None, &tape).await;
    let (pages, details, met) = mock.with_corpus(|corpus| {
        let live: Vec<_> = corpus
            .pages
            .iter()
            .filter(|page| page.status != "trashed")
            .collect();
        let listings = |rows: usize| rows.div_ceil(250).max(1);
        let versions: usize = live.iter().map(|page| listings(page.versions.len())).sum();
        let labels: usize = live.iter().map(|page| listings(page.labels.len())).sum();
        (
            corpus.pages.len().div_ceil(250),
            versions + labels + 2 * live.len(),
            accounts(corpus),
        )
    });
    assert_eq!(
        mock.request_count() as usize,
        2 + pages + details + met.div_ceil(250)
    );
}

fn accounts(corpus: &mock_confluence::Corpus) -> usize {
    let spaces = corpus
        .spaces
        .iter()
        .filter_map(|space| space.author_id.as_deref());
    let pages = corpus.pages.iter().flat_map(|page| {
        let last = page
            .versions
            .last()
            .and_then(|version| version.author_id.as_deref());
        [
            page.author_id.as_deref(),
            page.owner_id.as_deref(),
            page.last_owner_id.as_deref(),
            last,
        ]
    });
    let live = corpus.pages.iter().filter(|page| page.status != "trashed");
    let versions = live.flat_map(|page| {
        page.versions
            .iter()
            .filter_map(|version| version.author_id.as_deref())
    });
    let met: std::collections::BTreeSet<_> =
        spaces.chain(pages.flatten()).chain(versions).collect();
    met.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_were_not_asked_for_cost_nothing() {
    let mock = mock(corpus(40), &[]);
    let config = mock.config_json().to_string();
    let expected = mock.with_corpus(|corpus| truth(corpus));
    use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
    for (streams, endpoints) in [
        (&["spaces"][..], &[Spaces][..]),
        (&["pages"], &[Pages]),
        (&["page_labels"], &[Pages, Labels]),
        (
            &["page_views", "page_content_states"],
            &[Pages, Views, States],
        ),
        (&["users"], &[Spaces, Pages, Versions, Users]),
        (&["pages", "page_versions"], &[Pages, Versions]),
    ] {
        mock.clear_requests();
        let tape = Tape::default();
        let outcome = sync(&config, &select(streams, Mode::Full), None, &tape).await;
        assert!(outcome.result.is_ok(), "{streams:?}");
        assert_same(&tape.tables(), &expected, streams);
        assert_eq!(tape.tables().keys().len(), streams.len(), "{streams:?}");
        for request in mock.requests() {
            let endpoint = request.endpoint.unwrap();
            assert!(
                endpoints.contains(&endpoint),
                "{streams:?} need no {endpoint:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_spaces_and_nothing_else() {
    let mock = mock(corpus(60), &[]);
    let (keys, ids) = mock.with_corpus(|corpus| {
        let chosen: Vec<_> = corpus.spaces.iter().step_by(2).collect();
        let keys: Vec<_> = chosen.iter().map(|space| space.key.clone()).collect();
        (
            keys,
            chosen
                .iter()
                .map(|space| space.id.clone())
                .collect::<Vec<_>>(),
        )
    });
    let tape = Tape::default();
    complete(
        &config(&mock, json!({ "spaces": keys })),
        Mode::Full,
        None,
        &tape,
    )
    .await;
    let part = mock.with_corpus(|corpus| {
        let mut part = corpus.clone();
        part.spaces.retain(|space| ids.contains(&space.id));
        part.pages.retain(|page| ids.contains(&page.space_id));
        truth(&part)
    });
    assert_same(&tape.tables(), &part, &STREAMS);

    let unknown = config(&mock, json!({ "spaces": ["NOWHERE", keys[0]] }));
    let outcome = sync(
        &unknown,
        &select(&["pages"], Mode::Full),
        None,
        &Tape::default(),
    )
    .await;
    let failure = outcome.result.unwrap_err();
    assert_eq!(
        failure.kind,
        connector_runtime::engine::FailureKind::InvalidConfig
    );
    assert!(
        failure.message.contains("NOWHERE") && !failure.message.contains(&keys[0]),
        "{}",
        failure.message
    );
}
