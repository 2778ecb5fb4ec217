//! Each fault that the mock can play, once: the right kind, in time, and never a good end with a row missing.

use std::time::{Duration, Instant};

use connector_runtime::connection::Connection;
use connector_runtime::engine::{Access, FailureKind, Mode, Nothing};
use connector_runtime::limits::Limits;
use mock_confluence::FAULTS;

use crate::support::{
    STREAMS, Tape, assert_same, corpus, impatient, mock, runtime, select, sync, truth,
};

/// A token that can be searched for; the mock's own.
const TOKEN: &str = "ATATT3xmock";

#[tokio::test(flavor = "multi_thread")]
async fn each_in_turn() {
    use FailureKind::{
        InvalidConfig, InvalidCredentials, InvalidPermissions, RateLimited, Unavailable,
        UnexpectedResponse,
    };
    let mut left: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
    for (fault, expected) in [
        ("wrong-token", Some(InvalidCredentials)),
        ("token-dies:after=20", Some(InvalidCredentials)),
        ("public-site", Some(InvalidCredentials)),
        (
            "missing-scope:scope=read:user:confluence",
            Some(InvalidPermissions),
        ),
        ("scoped-on-site", Some(InvalidCredentials)),
        ("ip-allow-list", Some(InvalidPermissions)),
        ("no-spaces", Some(InvalidPermissions)),
        ("views-refused", None),
        ("views-missing", None),
        ("rate-limit:count=1,after=9", None),
        ("rate-limit-date:count=1,after=9,seconds=1", None),
        ("rate-limit-reset:count=1,after=9,seconds=0", None),
        ("rate-limit-bare:count=1,after=9", None),
        ("rate-limit-long:after=9", Some(RateLimited)),
        ("near-limit", None),
        ("408:count=1,after=9", None),
        ("500:count=1,after=9", None),
        ("502:count=1,after=9", None),
        ("503:after=9", Some(Unavailable)),
        ("504:count=1,after=9", None),
        ("too-large-limit:limit=130", None),
        ("false-404:count=5,after=20,endpoint=labels", None),
        ("false-403:count=5,after=20,endpoint=states", None),
        ("page-gone", None),
        ("page-gone-bare:count=1", None),
        ("html-200:after=9,endpoint=labels", Some(UnexpectedResponse)),
        ("html-404:endpoint=spaces", Some(InvalidConfig)),
        ("empty-200:endpoint=pages", Some(UnexpectedResponse)),
        ("truncated-json:after=9", Some(UnexpectedResponse)),
        ("wrong-types:endpoint=versions", Some(UnexpectedResponse)),
        ("huge-body:after=9", Some(UnexpectedResponse)),
        ("drip:after=9", Some(Unavailable)),
        ("stall:after=9", Some(Unavailable)),
        ("hang:after=9", Some(Unavailable)),
        ("reset-before:after=9", Some(Unavailable)),
        ("reset-within:count=1,after=9", None),
        ("redirect:after=9", Some(UnexpectedResponse)),
        ("foreign-next", None),
        ("cursor-circle", Some(UnexpectedResponse)),
        ("empty-pages", Some(UnexpectedResponse)),
        ("empty-page", None),
        ("short-pages", None),
        ("no-next-but-link", None),
        ("cursor-expires:count=1", None),
        ("unsorted", None),
        ("gateway-401:after=9", Some(InvalidCredentials)),
    ] {
        let name = fault.split(':').next().unwrap();
        left.retain(|known| *known != name);
        one(fault, name, expected).await;
    }
    assert!(left.is_empty(), "untested: {left:?}");
}

async fn one(fault: &str, name: &str, expected: Option<FailureKind>) {
    let mock = mock(corpus(30), &[fault]);
    let tape = Tape::default();
    let begun = Instant::now();
    let outcome = sync(
        &impatient(&mock),
        &select(&STREAMS, Mode::Full),
        None,
        &tape,
    )
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{fault}: {:?}",
        begun.elapsed()
    );
    // Answers under way take 32 MiB at most, all together, whatever sizes they grow to side by side.
    let memory = outcome.usage.memory;
    assert!(memory < 48 << 20, "{fault}: {memory} bytes");
    let failure = outcome.result.err();
    assert_eq!(
        failure.as_ref().map(|failure| failure.kind),
        expected,
        "{fault}: {failure:?}"
    );
    let said = format!(
        "{failure:?} {:?}",
        tape.with(|recorded| recorded.notes.clone())
    );
    assert!(
        !said.contains(TOKEN) && !said.contains("Basic "),
        "{fault}: {said}"
    );
    if expected.is_none() && !name.starts_with("views-") && !name.starts_with("page-gone") {
        let truth = mock.with_corpus(|corpus| truth(corpus));
        assert_same(&tape.tables(), &truth, &STREAMS);
    }
    if name == "page-gone" {
        let gone = mock.with_corpus(|corpus| {
            corpus
                .pages
                .iter()
                .filter(|page| page.status != "trashed")
                .count()
        });
        tape.with(|recorded| {
            let notes = recorded.notes.iter();
            let told = notes
                .filter(|note| matches!(note, connector_runtime::output::Note::Gone { .. }))
                .count();
            assert_eq!(told, gone);
            assert!(!recorded.snapshots["page_versions"] && recorded.snapshots["pages"]);
        });
    }
    if name.starts_with("views-") {
        let views = &tape.tables()["page_views"];
        assert!(!views.is_empty() && views.values().all(|row| row["views_count"].is_null()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_says_what_to_do() {
    for (fault, kind, words) in [
        ("near-limit", None, ""),
        (
            "wrong-token",
            Some(FailureKind::InvalidCredentials),
            "token is wrong",
        ),
        (
            "scoped-on-site",
            Some(FailureKind::InvalidCredentials),
            "api.atlassian.com/ex/confluence",
        ),
        (
            "public-site",
            Some(FailureKind::InvalidCredentials),
            "public access",
        ),
        (
            "missing-scope",
            Some(FailureKind::InvalidPermissions),
            "read:confluence-content.summary, read:page",
        ),
        (
            "no-spaces",
            Some(FailureKind::InvalidPermissions),
            "no space",
        ),
        ("html-404", Some(FailureKind::InvalidConfig), "base_url"),
        ("views-refused", None, ""),
    ] {
        let mock = mock(corpus(10), &[fault]);
        let found = runtime()
            .validate(
                &Connection::new(&impatient(&mock)),
                Limits::default(),
                Box::new(Nothing),
            )
            .await
            .unwrap();
        assert_eq!(
            found.error.as_ref().map(|error| error.kind),
            kind,
            "{fault}: {:?}",
            found.error
        );
        if let Some(error) = &found.error {
            let sorted = error.message.contains(words) || fault == "missing-scope";
            assert!(sorted, "{fault}: {}", error.message);
        }
        if fault == "missing-scope" {
            let message = found.error.unwrap().message;
            for scope in mock_confluence::CURRENT_SCOPES {
                assert!(message.contains(scope), "{message}");
            }
        }
        if fault == "views-refused" {
            assert_eq!(found.endpoints[5].access, Access::Unavailable);
        }
        assert!(
            mock.request_count() <= 9,
            "{fault}: {} requests",
            mock.request_count()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_as_long_as_the_service_asks() {
    let mock = mock(corpus(10), &["rate-limit:count=1,after=5,seconds=2"]);
    let tape = Tape::default();
    assert!(
        sync(
            &impatient(&mock),
            &select(&STREAMS, Mode::Full),
            None,
            &tape
        )
        .await
        .result
        .is_ok()
    );
    let requests = mock.requests();
    let limited = requests
        .iter()
        .find(|request| request.status == 429)
        .unwrap()
        .started;
    // Requests that were in flight with it had begun before.
    let later = requests
        .iter()
        .filter(|request| request.started > limited + Duration::from_millis(500));
    let gap = later
        .map(|request| request.started - limited)
        .min()
        .unwrap();
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
}
