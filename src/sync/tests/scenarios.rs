//! Scenarios: what goes over the wire, what waits there are, what arrives, and how it ends, each as one
//! transcript. The order is the contract.

use std::fmt::Write as _;
use std::time::Duration;

use mock_confluence::Corpus;

use super::*;
use crate::error::{Error, Kind};
use crate::testing::{Edit, Event, oracle, small_site};

/// Two pages, one space, one page in the trash.
fn tiny_site() -> Corpus {
    let mut corpus = small_site(3, 51);
    corpus.spaces.truncate(1);
    for (page, id) in corpus.pages.iter_mut().zip(["11", "12", "13"]) {
        page.id = id.to_owned();
        page.space_id.clone_from(&corpus.spaces[0].id);
        page.status = if id == "13" { "trashed" } else { "current" }.to_owned();
        page.views = Some(5);
        page.versions.truncate(2);
        page.labels.truncate(1);
    }
    corpus
}

fn describe_error(error: &Error) -> String {
    let status = error
        .http_status
        .map_or(String::new(), |status| format!(" {status}"));
    let endpoint = error
        .endpoint
        .map_or(String::new(), |endpoint| format!(" at {endpoint}"));
    let later = error
        .retry_after
        .map_or(String::new(), |later| format!(" retry after {later:?}"));
    format!(
        "error [{}{status}{endpoint}{later}] {}",
        error.kind, error.message
    )
}

/// All that passed, and how it ended.
fn transcript(simulation: &Simulation, result: &Result<Value>) -> String {
    let mut text = String::new();
    for (millis, event) in simulation.take_log() {
        let (seconds, millis) = (millis / 1000, millis % 1000);
        writeln!(text, "{seconds:3}.{millis:03} {event}").unwrap();
    }
    match result {
        Ok(summary) => write!(text, "done {summary}").unwrap(),
        Err(error) => text.push_str(&describe_error(error)),
    }
    text
}

/// Runs everything in full with these faults.
fn run_scenario(simulation: &Simulation, faults: &[&str], config: Value) -> String {
    simulation.inject_faults(faults);
    let recorder = Recorder::new(simulation);
    let result = read(simulation, &recorder, config, &every_stream(Mode::Full));
    transcript(simulation, &result)
}

fn two_at_once() -> Value {
    json!({ "max_concurrency": 2 })
}

macro_rules! scenarios {
    ($($name:ident: $simulation:expr, $faults:expr, $config:expr;)*) => {
        $(#[test]
        fn $name() {
            let simulation = $simulation;
            insta::assert_snapshot!(stringify!($name), run_scenario(&simulation, &$faults, $config));
        })*
    };
}

fn tiny() -> Simulation {
    Simulation::new(tiny_site(), 0)
}

scenarios! {
    clean: tiny(), [], two_at_once();
    wrong_token_at_the_gateway: tiny(), ["wrong-token"], two_at_once();
    wrong_token_at_the_site: tiny().at_site(), ["wrong-token"], two_at_once();
    scoped_token_at_the_site: tiny().at_site(), ["scoped-on-site"], two_at_once();
    missing_scope: tiny(), ["missing-scope:scope=read:user:confluence"], two_at_once();
    rate_limit_holds_back_all: tiny(), ["rate-limit:seconds=3,after=4,count=2"], json!({ "max_concurrency": 4 });
    rate_limit_beyond_patience: tiny(), ["rate-limit-long:after=4"], two_at_once();
    unavailable_until_given_up: tiny(), ["503:after=3"], two_at_once();
    smaller_pages_after_504: tiny(), ["too-large-limit:limit=60"], two_at_once();
    page_gone: tiny(), ["page-gone:page=12"], two_at_once();
    page_gone_bare: tiny(), ["page-gone-bare:page=12"], two_at_once();
    token_dies: tiny(), ["token-dies:after=6"], two_at_once();
    html_instead_of_json: tiny(), ["html-200:after=2,count=1"], two_at_once();
    empty_instead_of_json: tiny(), ["empty-200:after=2,count=1"], two_at_once();
    truncated: tiny(), ["truncated-json:after=2,count=1"], two_at_once();
    wrong_types: tiny(), ["wrong-types:after=2,count=1"], two_at_once();
    redirect: tiny(), ["redirect:after=2"], two_at_once();
    cursor_circle: tiny(), ["cursor-circle:endpoint=pages"], json!({ "max_concurrency": 2, "page_size": 2 });
    hang: tiny(), ["hang:after=3,count=1"], two_at_once();
    drip: tiny(), ["drip:after=3,count=1"], two_at_once();
    reset: tiny(), ["reset-within:after=3,count=1"], two_at_once();
    huge: tiny(), ["huge-body:after=3,count=1"], two_at_once();
    near_limit: tiny(), ["near-limit"], json!({ "max_concurrency": 4 });
    views_refused: tiny(), ["views-refused"], two_at_once();
    ip_allow_list: tiny(), ["ip-allow-list"], two_at_once();
    no_spaces: tiny(), ["no-spaces"], two_at_once();
}

#[test]
fn incremental_after_an_edit() {
    let simulation = tiny();
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        two_at_once(),
        &every_stream(Mode::Full),
    )
    .unwrap();
    simulation.advance(Duration::from_hours(1));
    simulation.edit(&Edit::Save(0));
    simulation.take_log();
    let result = read(
        &simulation,
        &recorder,
        two_at_once(),
        &every_stream(Mode::Incremental),
    );
    insta::assert_snapshot!(
        "incremental_after_an_edit",
        transcript(&simulation, &result)
    );
}

#[test]
fn stopped_and_resumed() {
    let simulation = tiny();
    let recorder = Recorder::new(&simulation);
    recorder.refuse_after(Some(6));
    let streams = every_stream(Mode::Full);
    let stopped = read(&simulation, &recorder, two_at_once(), &streams);
    let first = transcript(&simulation, &stopped);
    recorder.refuse_after(None);
    let result = read(&simulation, &recorder, two_at_once(), &streams);
    let both = format!("{first}\n\n{}", transcript(&simulation, &result));
    insta::assert_snapshot!("stopped_and_resumed", both);
}

/// Too long for a transcript: it ends, and says why.
#[test]
fn empty_pages_without_end_end() {
    let simulation = tiny();
    let told = run_scenario(&simulation, &["empty-pages:endpoint=pages"], two_at_once());
    assert!(told.lines().count() < 130, "{told}");
    assert!(
        told.contains("one empty page after the other; please report it to the authors"),
        "{told}"
    );
}

/// Under load the service takes back what it said a moment ago, for about a minute.
#[test]
fn false_refusals_lose_no_row() {
    let corpus = small_site(25, 52);
    let run = |fault: &str| {
        let simulation = Simulation::new(corpus.clone(), 53);
        simulation.inject_faults(&[fault]);
        let recorder = Recorder::new(&simulation);
        let result = read(
            &simulation,
            &recorder,
            sized(10, 4),
            &every_stream(Mode::Full),
        );
        (result, recorder.tables(), recorder.take_closed())
    };
    for name in ["false-404", "false-403"] {
        for (after, count) in [(1, 1), (3, 4), (9, 8), (30, 8), (45, 6), (90, 3)] {
            let fault = format!("{name}:after={after},count={count}");
            let (result, tables, finished) = run(&fault);
            assert_eq!(result.err(), None, "{fault}");
            assert_same(&tables, &oracle(&corpus, &[]), &fault);
            assert_eq!(finished.len(), 7, "{fault}");
        }
        // Longer than any patience: an error, and what was committed stays.
        let (result, tables, finished) = run(&format!("{name}:after=40"));
        assert_eq!(result.unwrap_err().kind, Kind::InvalidCredentials);
        assert!(finished.is_empty() && !tables.is_empty());
    }
}

/// A false refusal of one endpoint alone, while the collection answers.
#[test]
fn one_endpoint_that_refuses_for_a_while_loses_no_row() {
    let corpus = small_site(12, 54);
    for endpoint in ["versions", "labels", "states", "views"] {
        for name in ["false-404", "false-403"] {
            let simulation = Simulation::new(corpus.clone(), 55);
            simulation.inject_faults(&[&format!("{name}:endpoint={endpoint},count=3")]);
            let recorder = Recorder::new(&simulation);
            let result = read(
                &simulation,
                &recorder,
                sized(10, 1),
                &every_stream(Mode::Full),
            );
            assert_eq!(result.err(), None, "{name} {endpoint}");
            assert_same(
                &recorder.tables(),
                &oracle(&corpus, &[]),
                &format!("{name} {endpoint}"),
            );
        }
    }
}

/// On a site that has no views, and says so in the words of a passing fault, not every page costs a minute.
#[test]
fn views_that_never_come_are_doubted_a_few_times_only() {
    let simulation = Simulation::new(small_site(40, 57), 58);
    simulation.inject_faults(&["false-404:endpoint=views"]);
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        sized(50, 8),
        &every_stream(Mode::Full),
    )
    .unwrap();
    let views = recorder.tables()["page_views"].clone();
    assert!(views.values().all(|row| row["views_count"].is_null()));
    let (end, _) = simulation.take_log().pop().unwrap();
    assert!(end < 120_000, "{end} ms");
}

/// The collection answers, users don't: that is about profiles, and no dead token.
#[test]
fn who_may_not_view_profiles_is_told_so() {
    let simulation = tiny();
    let told = run_scenario(&simulation, &["false-404:endpoint=users"], two_at_once());
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("error [invalid_permissions 404"), "{last}");
}

/// A page whose details say that it is gone, though it is listed, is set aside: nothing is swept for it.
#[test]
fn a_page_that_only_seems_to_be_gone_is_set_aside() {
    for fault in ["page-gone:page=12", "page-gone-bare:page=12"] {
        let simulation = tiny();
        let recorder = Recorder::new(&simulation);
        let streams = every_stream(Mode::Full);
        read(&simulation, &recorder, two_at_once(), &streams).unwrap();
        simulation.inject_faults(&[fault]);
        let error = read(&simulation, &recorder, two_at_once(), &streams).unwrap_err();
        assert_eq!(error.kind, Kind::Incomplete, "{fault}");
        assert_eq!(details_of(&error)["set_aside"][0]["page_id"], "12");
        assert_same(
            &recorder.tables(),
            &oracle(&simulation.corpus(), &[]),
            fault,
        );
    }
}

/// A page that is purged between its listing and its details goes.
#[test]
fn a_page_that_vanishes_is_confirmed_and_voided() {
    let simulation = tiny();
    simulation.plan_edits(vec![(4, Edit::Purge(1))]);
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        two_at_once(),
        &every_stream(Mode::Full),
    )
    .unwrap();
    let log = simulation.take_log();
    let gone = log
        .iter()
        .filter(|(_, event)| matches!(event, Event::Note(note) if note.contains("\"gone\"")));
    assert_eq!(gone.count(), 1);
    assert_eq!(recorder.take_closed().len(), 7);
    let mut found = recorder.tables();
    let mut expected = oracle(&simulation.corpus(), &[]);
    // Its authors were met when it was listed.
    found.remove("users");
    expected.remove("users");
    assert_same(&found, &expected, "the purged page has no rows");
}

/// Whatever goes wrong with one request of a run, the run ends well or with an error, and loses nothing then
/// when it is called again.
#[test]
fn any_fault_at_any_request_ends_and_loses_nothing() {
    let corpus = tiny_site();
    for fault in [
        "false-404",
        "false-403",
        "408",
        "500",
        "502",
        "503",
        "504",
        "rate-limit",
        "rate-limit-date",
        "rate-limit-reset",
        "rate-limit-bare",
        "rate-limit-long",
        "html-200",
        "html-404",
        "truncated-json",
        "wrong-types:shape=object",
        "huge-body",
        "drip",
        "stall",
        "hang",
        "reset-before",
        "reset-within",
        "redirect",
        "gateway-401",
        "ip-allow-list",
        "wrong-token",
        "cursor-expires",
    ] {
        let (name, key) = fault
            .split_once(':')
            .map_or((fault, String::new()), |(name, key)| {
                (name, format!("{key},"))
            });
        for after in 0..16 {
            let simulation = Simulation::new(corpus.clone(), 56);
            simulation.inject_faults(&[&format!("{name}:{key}after={after},count=1")]);
            let recorder = Recorder::new(&simulation);
            let mut calls = 1;
            while let Err(error) = read(
                &simulation,
                &recorder,
                sized(2, 3),
                &every_stream(Mode::Full),
            ) {
                assert_ne!(error.kind, Kind::Cancelled);
                calls += 1;
                assert!(calls < 4, "{fault} {after}: {error}");
            }
            assert_same(
                &recorder.tables(),
                &oracle(&corpus, &[]),
                &format!("{fault} {after}"),
            );
        }
    }
}
