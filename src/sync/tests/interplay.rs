//! Runs that follow one another while something changes between them: the selection, the clock, what exists, what fails.

use std::time::Duration;

use mock_confluence::{Corpus, Version};

use super::*;
use crate::client::Platform as _;
use crate::error::Kind;
use crate::testing::{Edit, Versioned, oracle, small_site};

const HOUR: Duration = Duration::from_hours(1);

/// Removes these pages for good.
fn purge(simulation: &Simulation, ids: &[String]) {
    for id in ids {
        let corpus = simulation.corpus();
        let index = corpus.pages.iter().position(|page| page.id == *id);
        simulation.edit(&Edit::Purge(index.unwrap()));
    }
}

/// Nothing is waited for long.
fn impatient() -> Value {
    json!({ "max_concurrency": 4, "page_size": 5, "retry": { "attempts": 1 } })
}

/// The accounts of an interrupted run are nobody's business once users are not selected.
#[test]
fn accounts_are_not_looked_up_where_users_are_no_longer_selected() {
    for stop in 3..12 {
        let simulation = Simulation::new(small_site(20, 101), 102);
        let recorder = Recorder::new(&simulation);
        recorder.refuse_after(Some(stop));
        read(
            &simulation,
            &recorder,
            sized(3, 2),
            &every_stream(Mode::Full),
        )
        .unwrap_err();
        recorder.refuse_after(None);
        recorder.roll_back();
        simulation.take_log();
        let streams = [Stream::Pages, Stream::PageLabels];
        let selected = in_mode(&streams, Mode::Full);
        read(&simulation, &recorder, sized(3, 2), &selected).unwrap();
        assert!(!endpoints(&simulation).contains(&Endpoint::Users));
        let expected = only(oracle(&simulation.corpus(), &[]), &streams);
        assert_same(&only(recorder.tables(), &streams), &expected, "pages");
    }
}

/// An empty page in the middle of the listing of spaces, which decides what else is listed.
#[test]
fn no_space_is_lost_by_an_empty_page_of_their_listing() {
    for after in 0..6 {
        let corpus = Corpus::generate(&mock_confluence::CorpusSpec {
            pages: 40,
            spaces: 12,
            users: 5,
            seed: 103,
        });
        let simulation = Simulation::new(corpus, 104);
        let recorder = Recorder::new(&simulation);
        let excluded = simulation.corpus().spaces[0].key.clone();
        let mut config = impatient();
        config["exclude_spaces"] = json!([excluded]);
        let fault = format!("empty-page:endpoint=spaces,count=1,after={after}");
        simulation.inject_faults(&[&fault]);
        read(&simulation, &recorder, config, &every_stream(Mode::Full)).unwrap();
        let corpus = simulation.corpus();
        let others = corpus.spaces.iter().map(|space| space.key.as_str());
        let others: Vec<_> = others.filter(|key| *key != excluded).collect();
        assert_same(&recorder.tables(), &oracle(&corpus, &others), &fault);
    }
}

/// What is in a space that cannot be told from others is not known: nothing is closed nor voided, and it is said.
#[test]
fn a_space_without_a_key_closes_nothing() {
    for mode in [Mode::Full, Mode::Incremental] {
        let corpus = Corpus::generate(&mock_confluence::CorpusSpec {
            pages: 40,
            spaces: 12,
            users: 5,
            seed: 105,
        });
        let simulation = Simulation::new(corpus, 106);
        let recorder = Recorder::new(&simulation);
        let mut config = impatient();
        config["include_personal_spaces"] = json!(false);
        config["refresh_days"] = json!(1);
        let streams = every_stream(mode);
        // The snapshot of the increments is read, and what it has read is to be verified.
        for _ in 0..27 {
            read(&simulation, &recorder, config.clone(), &streams).unwrap();
            simulation.advance(HOUR);
        }
        recorder.take_closed();
        let before = recorder.tables();
        simulation.inject_faults(&["row-without-key:endpoint=spaces"]);
        for _ in 0..27 {
            let error = read(&simulation, &recorder, config.clone(), &streams).unwrap_err();
            assert_eq!(error.kind, Kind::Incomplete, "{error}");
            simulation.advance(HOUR);
        }
        assert_eq!(recorder.take_closed(), BTreeSet::new(), "{mode:?}");
        let rows = |tables: &Tables| -> BTreeSet<_> {
            let rows = tables.iter().flat_map(|(stream, rows)| {
                let keys = rows.keys();
                keys.map(move |key| (stream.to_string(), key.clone()))
            });
            rows.collect()
        };
        let found = recorder.tables();
        assert_eq!(rows(&found), rows(&before), "{mode:?}: nothing is gone");
        simulation.inject_faults(&[]);
        read(&simulation, &recorder, config, &streams).unwrap();
    }
}

/// The pages of an incremental run that are set aside do not stand for the whole run.
#[test]
fn an_incremental_run_goes_on_behind_what_it_had_set_aside() {
    let simulation = Simulation::new(small_site(30, 107), 108);
    let recorder = Recorder::new(&simulation);
    let incremental = every_stream(Mode::Incremental);
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    simulation.advance(HOUR);
    simulation.edit(&Edit::Save(4));
    let page = simulation.corpus().pages[4].id.clone();
    simulation.inject_faults(&[&format!("504:endpoint=views,page={page}")]);
    read(&simulation, &recorder, impatient(), &incremental).unwrap_err();
    simulation.advance(HOUR);
    read(&simulation, &recorder, impatient(), &incremental).unwrap_err();
    simulation.inject_faults(&[]);
    simulation.advance(HOUR);
    simulation.edit(&Edit::Save(9));
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    let expected = oracle(&simulation.corpus(), &[]);
    assert_same(&recorder.tables(), &expected, "what was edited meanwhile");
}

/// Each page names accounts of its own, with ids as long as the service's may be, and every second page vanishes: the
/// state is too long while pages are to be confirmed.
#[test]
fn a_run_that_waits_for_accounts_goes_on_behind_vanished_pages() {
    let mut corpus = small_site(50, 109);
    let template = corpus.users[0].clone();
    for (number, page) in corpus.pages.iter_mut().enumerate() {
        let version = page.versions[0].clone();
        page.versions = (1..=40)
            .map(|version_number| {
                let id = format!("{:0>120}", number * 100 + version_number);
                corpus.users.push(mock_confluence::User {
                    account_id: id.clone(),
                    ..template.clone()
                });
                mock_confluence::Version {
                    number: u32::try_from(version_number).unwrap(),
                    author_id: Some(id),
                    ..version.clone()
                }
            })
            .collect();
    }
    for lives in 8..16 {
        let simulation = Simulation::new(corpus.clone(), 110);
        let recorder = Recorder::new(&simulation);
        let live = corpus.pages.iter().filter(|page| page.status == "current");
        let vanished = live.enumerate().filter(|(place, _)| *place >= lives);
        let faults: Vec<_> = vanished
            .map(|(_, page)| format!("page-gone:endpoint=labels,page={}", page.id))
            .collect();
        inject(&simulation, &faults);
        let config = json!({ "max_concurrency": 8, "retry": { "attempts": 1 } });
        let full = every_stream(Mode::Full);
        let error = read(&simulation, &recorder, config, &full).unwrap_err();
        assert_eq!(error.kind, Kind::Incomplete, "{error}");
        let streams = [Stream::Pages, Stream::PageVersions, Stream::Users];
        let expected = only(oracle(&corpus, &[]), &streams);
        assert_same(&only(recorder.tables(), &streams), &expected, "all of it");
        assert!(recorder.longest_state() < 65_536);
    }
}

/// The checkpoint that a resumed run writes before its listing keeps the time when the run began.
#[test]
fn a_resumed_run_keeps_its_beginning() {
    let simulation = Simulation::new(small_site(120, 111), 112);
    let recorder = Recorder::new(&simulation);
    let corpus = simulation.corpus();
    let live = corpus.pages.iter().enumerate();
    let live: Vec<_> = live.filter(|(_, page)| page.status == "current").collect();
    let failing: Vec<_> = live[2..32]
        .iter()
        .map(|(_, page)| page.id.clone())
        .collect();
    let faults = failing
        .iter()
        .map(|id| format!("504:endpoint=labels,page={id}"));
    let faults: Vec<_> = faults.collect();
    inject(&simulation, &faults);
    let full = every_stream(Mode::Full);
    recorder.refuse_after(Some(60));
    read(&simulation, &recorder, impatient(), &full).unwrap_err();
    recorder.refuse_after(None);
    recorder.roll_back();
    simulation.inject_faults(&[]);
    simulation.advance(HOUR);
    simulation.edit(&Edit::Save(live[0].0));
    simulation.advance(HOUR);
    simulation.edit(&Edit::Save(live[live.len() - 1].0));
    simulation.advance(HOUR);
    purge(&simulation, &failing);
    read(&simulation, &recorder, impatient(), &full).unwrap();
    read(
        &simulation,
        &recorder,
        impatient(),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    let streams = [Stream::Pages, Stream::PageVersions];
    let expected = only(oracle(&simulation.corpus(), &[]), &streams);
    let mut found = only(recorder.tables(), &streams);
    // So many pages that are gone at once are left to the sweep, which spares what this run had delivered.
    for (stream, rows) in &mut found {
        rows.retain(|key, _| expected[stream].contains_key(key));
    }
    assert_same(&found, &expected, "the edits");
}

/// Whichever listing a cursor expires in goes on behind its last row.
#[test]
fn an_expired_cursor_ends_no_listing() {
    let mut corpus = small_site(60, 113);
    for page in corpus.pages.iter_mut().step_by(2) {
        "archived".clone_into(&mut page.status);
    }
    let simulation = Simulation::new(corpus, 114);
    let recorder = Recorder::new(&simulation);
    let incremental = every_stream(Mode::Incremental);
    let mut config = impatient();
    config["refresh_days"] = json!(1);
    config["include_personal_spaces"] = json!(false);
    read(&simulation, &recorder, config.clone(), &incremental).unwrap();
    for after in 0..60 {
        simulation.advance(HOUR);
        simulation.edit(&Edit::Archive(after));
        let fault = format!("cursor-expires:count=1,after={after}");
        simulation.inject_faults(&[&fault]);
        read(&simulation, &recorder, config.clone(), &incremental)
            .unwrap_or_else(|error| panic!("{fault}: {error}"));
    }
    let personal = |space: &&mock_confluence::Space| space.space_type != "personal";
    let corpus = simulation.corpus();
    let chosen = corpus.spaces.iter().filter(personal);
    let chosen: Vec<_> = chosen.map(|space| space.key.as_str()).collect();
    let streams = [Stream::Pages, Stream::PageVersions];
    let expected = only(oracle(&corpus, &chosen), &streams);
    assert_same(&only(recorder.tables(), &streams), &expected, "all of it");
}

/// Pages that were set aside and are gone all at once look like a space that was taken away.
#[test]
fn many_pages_that_are_gone_at_once_are_left_to_the_sweep() {
    let simulation = Simulation::new(small_site(80, 115), 116);
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    read(&simulation, &recorder, impatient(), &full).unwrap();
    let corpus = simulation.corpus();
    let live = corpus.pages.iter().filter(|page| page.status == "current");
    let ids: Vec<_> = live
        .map(|page| page.id.clone())
        .step_by(2)
        .take(30)
        .collect();
    let faults = ids
        .iter()
        .map(|id| format!("504:endpoint=labels,page={id}"));
    let faults: Vec<_> = faults.collect();
    inject(&simulation, &faults);
    read(&simulation, &recorder, impatient(), &full).unwrap_err();
    simulation.inject_faults(&[]);
    purge(&simulation, &ids);
    let incremental = every_stream(Mode::Incremental);
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    let pages = recorder.tables()["pages"].len();
    assert_eq!(pages, corpus.pages.len(), "none is voided");
    let log = simulation.take_log().into_iter();
    let mut notes = log.map(|(_, event)| event.to_string());
    assert!(notes.any(|note| note.contains("30 pages cannot be found")));
    read(&simulation, &recorder, impatient(), &full).unwrap();
    let expected = oracle(&simulation.corpus(), &[]);
    assert_same(&recorder.tables(), &expected, "a full run sweeps them");
}

/// A box in between with a clock of its own does not stop the refresh until its time has come.
#[test]
fn a_clock_that_is_ahead_stops_no_refresh() {
    let simulation = Simulation::new(small_site(40, 117), 118);
    let recorder = Recorder::new(&simulation);
    let mut config = impatient();
    config["refresh_days"] = json!(1);
    let incremental = every_stream(Mode::Incremental);
    read(&simulation, &recorder, config.clone(), &incremental).unwrap();
    simulation.advance(HOUR);
    simulation
        .date_ahead
        .set(Duration::from_hours(24 * 365 * 5));
    read(&simulation, &recorder, config.clone(), &incremental).unwrap();
    simulation.date_ahead.set(Duration::ZERO);
    simulation.edit(&Edit::Relabel(3, Versioned::No));
    for _ in 0..50 {
        simulation.advance(HOUR);
        read(&simulation, &recorder, config.clone(), &incremental).unwrap();
    }
    assert!(recorder.take_closed().contains("page_labels"));
    let expected = oracle(&simulation.corpus(), &[]);
    assert_same(&recorder.tables(), &expected, "within the days and a day");
}

/// Who is named by a page that was set aside alone is looked up once users can be.
#[test]
fn accounts_of_a_retried_page_wait_for_users() {
    let mut corpus = small_site(30, 119);
    let mut only_here = corpus.users[0].clone();
    "only-here".clone_into(&mut only_here.account_id);
    corpus.users.push(only_here);
    let live = |page: &&mut mock_confluence::Page| page.status == "current";
    let page = corpus.pages.iter_mut().find(live).unwrap();
    page.versions[0].author_id = Some("only-here".to_owned());
    let faults = format!("504:endpoint=versions,page={}", page.id);
    let simulation = Simulation::new(corpus, 120);
    let recorder = Recorder::new(&simulation);
    let incremental = every_stream(Mode::Incremental);
    simulation.inject_faults(&[&faults]);
    read(&simulation, &recorder, impatient(), &incremental).unwrap_err();
    simulation.inject_faults(&["503:endpoint=users"]);
    simulation.advance(HOUR);
    let error = read(&simulation, &recorder, impatient(), &incremental).unwrap_err();
    assert_eq!(error.kind, Kind::Incomplete, "{error}");
    simulation.inject_faults(&[]);
    simulation.advance(HOUR);
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    let expected = oracle(&simulation.corpus(), &[]);
    assert_same(&recorder.tables(), &expected, "with its author");
}

/// However often a run is killed beside a dead endpoint, its probes do not fill the list of pages set aside.
#[test]
fn probes_of_a_dead_endpoint_are_not_left_behind() {
    let simulation = Simulation::new(small_site(80, 121), 122);
    let recorder = Recorder::new(&simulation);
    simulation.inject_faults(&["analytics-down"]);
    let full = every_stream(Mode::Full);
    for _ in 0..6 {
        recorder.refuse_after(Some(25));
        let _ = read(&simulation, &recorder, impatient(), &full);
        recorder.refuse_after(None);
        recorder.roll_back();
    }
    let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
    let details = details_of(&error);
    // Those of a run that was killed before it knew.
    assert!(ids_of(&details).len() <= 4, "{error}");
    assert_eq!(details["stalled"], json!(["page_views"]));
}

/// A page that is skipped and gone does not keep the users' snapshot open.
#[test]
fn a_skipped_page_that_is_gone_is_spared_no_more() {
    for edit in [Edit::Purge(0), Edit::Trash(0, Versioned::No)] {
        let mut corpus = small_site(30, 123);
        "current".clone_into(&mut corpus.pages[0].status);
        let skipped = corpus.pages[0].id.clone();
        let simulation = Simulation::new(corpus, 124);
        let recorder = Recorder::new(&simulation);
        let mut config = impatient();
        config["skip_pages"] = json!([skipped]);
        let full = every_stream(Mode::Full);
        read(&simulation, &recorder, config.clone(), &full).unwrap();
        assert!(!recorder.take_closed().contains("users"));
        simulation.edit(&edit);
        read(&simulation, &recorder, config.clone(), &full).unwrap();
        assert!(recorder.take_closed().contains("users"), "{edit:?}");
    }
}

/// A row without a key counts for the run that met it, and for no later one.
#[test]
fn rows_without_a_key_of_a_run_that_was_given_up_are_not_counted() {
    let simulation = Simulation::new(small_site(30, 125), 126);
    let recorder = Recorder::new(&simulation);
    simulation.inject_faults(&["row-without-key:endpoint=pages"]);
    recorder.refuse_after(Some(30));
    read(
        &simulation,
        &recorder,
        impatient(),
        &every_stream(Mode::Full),
    )
    .unwrap_err();
    recorder.refuse_after(None);
    recorder.roll_back();
    simulation.inject_faults(&[]);
    let streams = in_mode(&[Stream::Pages, Stream::PageLabels], Mode::Full);
    read(&simulation, &recorder, impatient(), &streams).unwrap();
}

/// Two empty pages in one listing, each of which is good the next time; and one in the parts of a page.
#[test]
fn no_row_is_lost_by_empty_pages() {
    for endpoint in ["pages", "versions"] {
        let mut corpus = small_site(60, 127);
        let live = |page: &&mut mock_confluence::Page| page.status == "current";
        let page = corpus.pages.iter_mut().find(live).unwrap();
        let version = page.versions[0].clone();
        page.versions = (1..=23)
            .map(|number| mock_confluence::Version {
                number,
                ..version.clone()
            })
            .collect();
        let simulation = Simulation::new(corpus, 128);
        let recorder = Recorder::new(&simulation);
        let faults: Vec<_> = (1..4)
            .map(|after| format!("empty-page:endpoint={endpoint},count=1,after={after}"))
            .collect();
        inject(&simulation, &faults);
        read(
            &simulation,
            &recorder,
            impatient(),
            &every_stream(Mode::Full),
        )
        .unwrap();
        let expected = oracle(&simulation.corpus(), &[]);
        assert_same(&recorder.tables(), &expected, endpoint);
    }
}

/// More pages than can be set aside are no longer skipped.
#[test]
fn what_is_no_longer_skipped_is_read_however_much_it_is() {
    for mode in [Mode::Full, Mode::Incremental] {
        let simulation = Simulation::new(small_site(300, 129), 130);
        let recorder = Recorder::new(&simulation);
        let corpus = simulation.corpus();
        let live = corpus.pages.iter().filter(|page| page.status == "current");
        let skipped: Vec<_> = live.map(|page| page.id.clone()).take(230).collect();
        let config = json!({ "max_concurrency": 4, "skip_pages": skipped });
        read(&simulation, &recorder, config, &every_stream(mode)).unwrap();
        simulation.advance(HOUR);
        let config = json!({ "max_concurrency": 4 });
        read(&simulation, &recorder, config, &every_stream(mode)).unwrap();
        let expected = oracle(&simulation.corpus(), &[]);
        assert_same(&recorder.tables(), &expected, "with all details");
    }
}

/// Whatever a box in between answers to everybody in the middle of a run, it is asked about once.
#[test]
fn an_answer_to_everybody_ends_the_run_soon() {
    for (fault, kind) in [
        (
            "redirect:to=https://portal.example/login",
            Kind::UnexpectedResponse,
        ),
        ("402", Kind::InvalidPermissions),
        ("451", Kind::InvalidPermissions),
        ("empty-200", Kind::Unavailable),
        ("html-404", Kind::Unavailable),
    ] {
        let simulation = Simulation::new(small_site(60, 131), 132);
        let recorder = Recorder::new(&simulation);
        let fault = format!(
            "{fault}{}after=40",
            if fault.contains(':') { "," } else { ":" }
        );
        simulation.inject_faults(&[&fault]);
        let config = json!({ "max_concurrency": 8 });
        let began = simulation.now();
        let error = read(&simulation, &recorder, config, &every_stream(Mode::Full)).unwrap_err();
        assert_eq!(error.kind, kind, "{fault}: {error}");
        let requests = simulation.sent().len();
        assert!(
            requests <= 40 + 2 * 8 + 20 + 60,
            "{fault}: {requests} requests"
        );
        let lasted = simulation.now().since(began);
        assert!(lasted < Duration::from_mins(4), "{fault}: {lasted:?}");
    }
}

/// An odd answer that cannot be asked for again is taken as it is.
#[test]
fn without_retries_odd_answers_are_taken_as_they_are() {
    for (fault, kind) in [
        ("row-without-key:endpoint=pages", Some(Kind::Incomplete)),
        ("unrequested-user", None),
    ] {
        for retry in [json!({ "attempts": 0 }), json!({ "patience_s": 0 })] {
            let simulation = Simulation::new(small_site(30, 133), 134);
            let recorder = Recorder::new(&simulation);
            simulation.inject_faults(&[fault]);
            let config = json!({ "max_concurrency": 4, "retry": retry });
            let result = read(&simulation, &recorder, config, &every_stream(Mode::Full));
            let found = result.err().map(|error| error.kind);
            assert_eq!(found, kind, "{fault} {retry}");
        }
    }
}

/// Users that are missing because of the versions that name them are not said to be refused.
#[test]
fn the_endpoint_at_fault_is_named() {
    let simulation = Simulation::new(small_site(30, 135), 136);
    let recorder = Recorder::new(&simulation);
    simulation.inject_faults(&["503:endpoint=versions"]);
    let error = read(
        &simulation,
        &recorder,
        impatient(),
        &every_stream(Mode::Full),
    )
    .unwrap_err();
    assert_eq!(error.kind, Kind::Incomplete, "{error}");
    let users = error
        .message
        .split("; ")
        .find(|part| part.contains("users is not complete"));
    let users = users.unwrap_or_default();
    assert!(users.contains("/versions failed"), "{error}");
    assert!(!error.message.contains("users-bulk"), "{error}");
}

/// A misspelt key would have the space read that was to be left out.
#[test]
fn a_space_to_exclude_that_is_not_there_is_said() {
    let simulation = Simulation::new(small_site(10, 137), 138);
    let recorder = Recorder::new(&simulation);
    let mut config = impatient();
    config["exclude_spaces"] = json!(["NOPE"]);
    read(&simulation, &recorder, config, &every_stream(Mode::Full)).unwrap();
    let log = simulation.take_log().into_iter();
    let mut notes = log.map(|(_, event)| event.to_string());
    assert!(notes.any(|note| note.contains("can't see: NOPE") && note.contains("warn")));
}

/// A look-up that nobody waits for any more would keep its place among the requests in flight, and where the service limits
/// the rate it would hold back all others.
#[test]
fn no_look_up_is_left_behind_at_the_end_of_a_listing() {
    let limited = "rate-limit:endpoint=users,seconds=3,count=1";
    for (concurrency, faults) in [(1, &[][..]), (4, &[limited]), (1, &[limited])] {
        let mut corpus = small_site(8, 121);
        for (page, number) in corpus.pages.iter_mut().zip(0..) {
            let version = |version: u32| Version {
                number: version,
                created_at: format!("2026-05-05T05:0{number}:05.{version:03}Z"),
                author_id: Some(format!("712020:{number:08}-0000-4000-8000-{version:012}")),
                ..Version::default()
            };
            page.versions = (1..=251).map(version).collect();
        }
        let simulation = Simulation::new(corpus, 122);
        let recorder = Recorder::new(&simulation);
        let mut config = sized(250, concurrency);
        config["refresh_days"] = json!(30);
        for faults in [&[][..], faults] {
            simulation.inject_faults(faults);
            let streams = every_stream(Mode::Incremental);
            read(&simulation, &recorder, config.clone(), &streams).unwrap();
            let expected = oracle(&simulation.corpus(), &[]);
            assert_same(&recorder.tables(), &expected, &format!("{concurrency}"));
            simulation.advance(HOUR);
            (0..8).for_each(|page| simulation.edit(&Edit::Save(page)));
        }
    }
}
