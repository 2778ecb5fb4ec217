//! Runs that are stopped anywhere, with people at work meanwhile: nothing is lost, little is done twice.

use proptest::prelude::*;
use proptest::test_runner::Config as Cases;

use super::*;
use crate::error::Kind;
use crate::testing::{Edit, Sent, Versioned, oracle, small_site};

/// What happens in a case.
#[derive(Debug, Clone)]
struct Scenario {
    seed: u64,
    pages: usize,
    page_size: u32,
    concurrency: usize,
    /// Before so many requests.
    edits: Vec<(usize, Edit)>,
    /// The sink refuses after so many events, again and again.
    stops: Vec<u64>,
    /// Minutes between the calls.
    pause: u64,
    /// Whether the sink forgets what came behind a checkpoint.
    rolls_back: bool,
    faults: Vec<&'static str>,
}

fn versioned() -> impl Strategy<Value = Versioned> {
    prop_oneof![Just(Versioned::Yes), Just(Versioned::No)]
}

fn an_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0_usize..20).prop_map(Edit::Save),
        Just(Edit::Create),
        (0_usize..20, versioned()).prop_map(|(page, versioned)| Edit::Trash(page, versioned)),
        (0_usize..20).prop_map(Edit::Archive),
        (0_usize..20, versioned()).prop_map(|(page, versioned)| Edit::Relabel(page, versioned)),
        (0_usize..20).prop_map(Edit::State),
    ]
}

fn a_scenario() -> impl Strategy<Value = Scenario> {
    let faults = prop_oneof![
        6 => Just(vec![]),
        1 => Just(vec!["cursor-expires:count=2,after=1"]),
        1 => Just(vec!["unsorted"]),
        1 => Just(vec!["empty-page"]),
        1 => Just(vec!["short-pages"]),
        1 => Just(vec!["503:count=3,after=9"]),
    ];
    (
        (any::<u64>(), 0_usize..14, 1_u32..=8, 1_usize..=8),
        prop::collection::vec((1_usize..200, an_edit()), 0..8),
        prop::collection::vec(0_u64..25, 0..6),
        prop_oneof![Just(0), 0_u64..120],
        any::<bool>(),
        faults,
    )
        .prop_map(
            |((seed, pages, page_size, concurrency), edits, stops, pause, rolls_back, faults)| {
                Scenario {
                    seed,
                    pages,
                    page_size,
                    concurrency,
                    edits,
                    stops,
                    pause,
                    rolls_back,
                    faults,
                }
            },
        )
}

/// One run, stopped as the scenario wants and then brought to its end.
fn run_stopped(
    scenario: &Scenario,
    simulation: &Simulation,
    recorder: &Recorder<'_>,
    streams: &[(Stream, Mode)],
    config: &Value,
) {
    for stop in &scenario.stops {
        recorder.refuse_after(Some(*stop));
        match read(simulation, recorder, config.clone(), streams) {
            Ok(_) => {
                recorder.refuse_after(None);
                return;
            }
            Err(error) => assert_eq!(error.kind, Kind::Cancelled, "{error}"),
        }
        if scenario.rolls_back {
            recorder.roll_back();
        }
        simulation.advance(std::time::Duration::from_mins(scenario.pause));
    }
    recorder.refuse_after(None);
    read(simulation, recorder, config.clone(), streams).unwrap();
}

fn page_of(row: &Value) -> &str {
    row["page_id"].as_str().unwrap()
}

/// What incremental runs promise: all but what makes no version.
fn promised(mut tables: Tables, simulation: &Simulation, expected: &Tables) -> Tables {
    let silent = simulation.unversioned.borrow();
    for (name, rows) in &mut tables {
        match *name {
            "users" => rows.retain(|key, _| expected["users"].contains_key(key)),
            "page_labels" => rows.retain(|_, row| !silent.iter().any(|page| page == page_of(row))),
            _ => {}
        }
    }
    tables.retain(|_, rows| !rows.is_empty());
    tables
}

fn expected_tables(simulation: &Simulation) -> Tables {
    let mut expected = oracle(&simulation.corpus(), &[]);
    expected.entry("users").or_default();
    expected
}

fn check(scenario: &Scenario) {
    let simulation = Simulation::new(small_site(scenario.pages, scenario.seed), scenario.seed);
    simulation.inject_faults(&scenario.faults);
    simulation.plan_edits(scenario.edits.clone());
    let recorder = Recorder::new(&simulation);
    let config = sized(scenario.page_size, scenario.concurrency);
    run_stopped(
        scenario,
        &simulation,
        &recorder,
        &every_stream(Mode::Full),
        &config,
    );
    simulation.advance(std::time::Duration::from_mins(scenario.pause));
    run_stopped(
        scenario,
        &simulation,
        &recorder,
        &every_stream(Mode::Incremental),
        &config,
    );
    simulation.plan_edits(Vec::new());
    read(
        &simulation,
        &recorder,
        config.clone(),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    let expected = expected_tables(&simulation);
    let found = promised(recorder.tables(), &simulation, &expected);
    assert_same(
        &found,
        &promised(expected.clone(), &simulation, &expected),
        "after a quiet incremental run",
    );
    run_stopped(
        scenario,
        &simulation,
        &recorder,
        &every_stream(Mode::Full),
        &config,
    );
    let mut expected = expected;
    expected.retain(|_, rows| !rows.is_empty());
    assert_same(&recorder.tables(), &expected, "after a quiet full run");
    assert!(recorder.longest_state() < 65_536);
}

proptest! {
    #![proptest_config(Cases { cases: 1500, failure_persistence: None, ..Cases::default() })]

    #[test]
    fn nothing_is_lost_wherever_a_run_is_stopped(scenario in a_scenario()) {
        check(&scenario);
    }
}

fn details(simulation: &Simulation) -> BTreeMap<(Endpoint, String), usize> {
    let mut details = BTreeMap::new();
    let asked: Vec<Sent> = simulation
        .sent()
        .into_iter()
        .filter(|sent| sent.endpoint.is_per_page())
        .collect();
    for sent in asked {
        let cursor = sent.query.contains("cursor=");
        if !cursor {
            *details.entry((sent.endpoint, sent.path)).or_default() += 1;
        }
    }
    details
}

/// A stop costs at most what was ahead of the last checkpoint.
#[test]
fn little_is_done_twice() {
    for (page_size, concurrency) in [(250, 1), (250, 4), (250, 8), (5, 4), (1, 2)] {
        let corpus = small_site(60, 17);
        let live = corpus
            .pages
            .iter()
            .filter(|page| page.status != "trashed")
            .count();
        let simulation = Simulation::new(corpus.clone(), 18);
        let recorder = Recorder::new(&simulation);
        let mut stops = 0;
        let config = sized(page_size, concurrency);
        loop {
            recorder.refuse_after(Some(20));
            match read(
                &simulation,
                &recorder,
                config.clone(),
                &every_stream(Mode::Full),
            ) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind, Kind::Cancelled),
            }
            recorder.roll_back();
            stops += 1;
            assert!(stops < 100, "a run that makes no progress");
        }
        assert!(stops > 2);
        assert_same(
            &recorder.tables(),
            &oracle(&corpus, &[]),
            "stopped again and again",
        );
        let sent: usize = details(&simulation).into_values().sum();
        let window = 8 + 2 * concurrency + 2;
        let most = 4 * (live + stops * window);
        assert!(
            sent <= most,
            "{sent} requests for details, at most {most} with {stops} stops"
        );
    }
}

/// Every single place at which a small run can be stopped.
#[test]
fn a_stop_at_every_event_loses_nothing() {
    let corpus = small_site(9, 19);
    for first in 0..60 {
        let simulation = Simulation::new(corpus.clone(), 20);
        let recorder = Recorder::new(&simulation);
        recorder.refuse_after(Some(first));
        let stopped = read(
            &simulation,
            &recorder,
            sized(4, 2),
            &every_stream(Mode::Full),
        )
        .is_err();
        recorder.roll_back();
        recorder.refuse_after(None);
        if stopped {
            read(
                &simulation,
                &recorder,
                sized(4, 2),
                &every_stream(Mode::Full),
            )
            .unwrap();
        }
        assert_same(
            &recorder.tables(),
            &oracle(&corpus, &[]),
            &format!("stopped after {first}"),
        );
        assert_eq!(recorder.take_closed().len(), 7);
    }
}

#[test]
fn a_resumed_full_run_sweeps_what_it_did_not_see() {
    let simulation = Simulation::new(small_site(20, 21), 22);
    let recorder = Recorder::new(&simulation);
    let config = sized(3, 2);
    read(
        &simulation,
        &recorder,
        config.clone(),
        &every_stream(Mode::Full),
    )
    .unwrap();
    for page in [0, 5, 11] {
        simulation.edit(&Edit::Purge(page));
    }
    recorder.refuse_after(Some(10));
    read(
        &simulation,
        &recorder,
        config.clone(),
        &every_stream(Mode::Full),
    )
    .unwrap_err();
    recorder.refuse_after(None);
    read(&simulation, &recorder, config, &every_stream(Mode::Full)).unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "purged pages are swept",
    );
}

#[test]
fn a_cursor_refused_on_resumption_loses_nothing() {
    for mode in [Mode::Full, Mode::Incremental] {
        for stop in [5, 15, 25, 40] {
            let simulation = Simulation::new(small_site(30, 23), 24);
            let recorder = Recorder::new(&simulation);
            read(
                &simulation,
                &recorder,
                sized(4, 3),
                &every_stream(Mode::Full),
            )
            .unwrap();
            simulation.advance(std::time::Duration::from_hours(2));
            for page in 0..12 {
                simulation.edit(&Edit::Save(page));
                simulation.advance(std::time::Duration::from_secs(1));
            }
            recorder.refuse_after(Some(stop));
            if read(&simulation, &recorder, sized(4, 3), &every_stream(mode)).is_err() {
                recorder.refuse_after(None);
                simulation.inject_faults(&["cursor-expires:count=1"]);
                read(&simulation, &recorder, sized(4, 3), &every_stream(mode)).unwrap();
            }
            assert_same(
                &recorder.tables(),
                &oracle(&simulation.corpus(), &[]),
                &format!("{mode:?} {stop}"),
            );
        }
    }
}

/// A run that goes on with other streams or spaces is another run.
#[test]
fn another_selection_begins_afresh() {
    let corpus = small_site(20, 25);
    let simulation = Simulation::new(corpus.clone(), 26);
    let recorder = Recorder::new(&simulation);
    recorder.refuse_after(Some(2));
    read(
        &simulation,
        &recorder,
        sized(3, 2),
        &in_mode(&[Stream::Pages], Mode::Full),
    )
    .unwrap_err();
    recorder.refuse_after(None);
    let streams = [Stream::Pages, Stream::PageLabels];
    read(
        &simulation,
        &recorder,
        sized(3, 2),
        &in_mode(&streams, Mode::Full),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &only(oracle(&corpus, &[]), &streams),
        "another selection",
    );
}
