//! Incremental runs: what changed and little else.

use std::time::Duration;

use mock_confluence::{Corpus, CorpusSpec, Version};
use serde_json::json;

use super::*;
use crate::error::Kind;
use crate::state::State;
use crate::testing::{Edit, Versioned, oracle, small_site};
use crate::timestamp::Timestamp;

fn simulation_of(corpus: Corpus) -> Simulation {
    Simulation::new(corpus, 31)
}

/// The sink of a simulation that was read whole a while ago.
fn catch_up<'a>(simulation: &'a Simulation, config: &Value) -> Recorder<'a> {
    let recorder = Recorder::new(simulation);
    read(
        simulation,
        &recorder,
        config.clone(),
        &every_stream(Mode::Full),
    )
    .unwrap();
    recorder.take_emitted();
    recorder.take_closed();
    simulation.take_log();
    simulation.advance(Duration::from_hours(3));
    recorder
}

#[test]
fn where_nothing_changed_only_spaces_come() {
    for page_size in [1, 20, 250] {
        let simulation = simulation_of(small_site(40, 32));
        let recorder = catch_up(&simulation, &sized(page_size, 4));
        for _ in 0..2 {
            read(
                &simulation,
                &recorder,
                sized(page_size, 4),
                &every_stream(Mode::Incremental),
            )
            .unwrap();
            assert_eq!(Vec::from_iter(recorder.take_emitted()), [("spaces", 3)]);
            assert_eq!(Vec::from_iter(recorder.take_closed()), ["spaces"]);
            let endpoints = endpoints(&simulation);
            assert!(
                endpoints.is_subset(&BTreeSet::from([Endpoint::Spaces, Endpoint::Pages])),
                "{endpoints:?}"
            );
            simulation.take_log();
            simulation.advance(Duration::from_hours(1));
        }
    }
}

#[test]
fn what_changed_is_delivered_at_the_cost_of_the_change() {
    for (edit, pages) in [
        (Edit::Save(3), 1),
        (Edit::Create, 1),
        (Edit::Trash(4, Versioned::Yes), 1),
        (Edit::Trash(4, Versioned::No), 1),
        (Edit::Archive(4), 1),
        (Edit::State(5), 1),
        (Edit::Relabel(6, Versioned::Yes), 1),
    ] {
        let simulation = simulation_of(small_site(40, 33));
        let recorder = catch_up(&simulation, &json!({}));
        simulation.edit(&edit);
        simulation.advance(Duration::from_secs(20));
        read(
            &simulation,
            &recorder,
            json!({}),
            &every_stream(Mode::Incremental),
        )
        .unwrap();
        let found = recorder.tables();
        let expected = oracle(&simulation.corpus(), &[]);
        assert_eq!(found["pages"], expected["pages"], "{edit:?}");
        let trashed = matches!(edit, Edit::Trash(..));
        if !trashed {
            assert_same(&found, &expected, &format!("{edit:?}"));
        }
        // Those that share a bucket of the digest may come along.
        let rows = recorder.take_emitted()["pages"];
        assert!(
            (pages..=pages + 2).contains(&rows),
            "{edit:?}: {rows} rows of pages"
        );
        let details = simulation
            .sent()
            .iter()
            .filter(|sent| sent.endpoint.is_per_page())
            .count();
        assert!(details <= 4, "{edit:?}: {details} requests for details");
    }
}

/// A page in the trash, or a purged one, hides nothing else.
#[test]
fn a_watermark_is_not_bound_to_a_page() {
    let simulation = simulation_of(small_site(20, 34));
    let recorder = catch_up(&simulation, &json!({}));
    simulation.edit(&Edit::Save(1));
    read(
        &simulation,
        &recorder,
        json!({}),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    simulation.edit(&Edit::Purge(1));
    simulation.advance(Duration::from_hours(1));
    simulation.edit(&Edit::Save(2));
    read(
        &simulation,
        &recorder,
        json!({}),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    let (found, expected) = (recorder.tables(), oracle(&simulation.corpus(), &[]));
    assert!(
        expected["pages"]
            .iter()
            .all(|(key, row)| found["pages"].get(key) == Some(row))
    );
}

#[test]
fn an_order_that_cannot_be_trusted_loses_nothing() {
    for (page_size, seed) in (1..=9).flat_map(|size| (0..30).map(move |seed| (size, seed))) {
        let simulation = simulation_of(small_site(30, seed));
        let recorder = catch_up(&simulation, &sized(page_size, 4));
        simulation.inject_faults(&["unsorted"]);
        for page in [7, 12, 25] {
            simulation.edit(&Edit::Save(page));
        }
        simulation.edit(&Edit::Create);
        read(
            &simulation,
            &recorder,
            sized(page_size, 4),
            &every_stream(Mode::Incremental),
        )
        .unwrap();
        assert_same(
            &recorder.tables(),
            &oracle(&simulation.corpus(), &[]),
            &format!("page size {page_size}, seed {seed}"),
        );
        assert_eq!(Vec::from_iter(recorder.take_closed()), ["spaces"]);
    }
}

#[test]
fn modes_can_be_mixed_and_streams_added() {
    let simulation = simulation_of(small_site(25, 35));
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        sized(5, 4),
        &in_mode(&[Stream::Pages], Mode::Incremental),
    )
    .unwrap();
    assert_eq!(
        Vec::from_iter(recorder.take_closed()),
        ["pages"],
        "the first run is whole"
    );
    simulation.advance(Duration::from_hours(1));
    simulation.edit(&Edit::Save(2));
    let two = [Stream::Pages, Stream::PageLabels];
    recorder.take_emitted();
    read(
        &simulation,
        &recorder,
        sized(5, 4),
        &in_mode(&two, Mode::Incremental),
    )
    .unwrap();
    assert_eq!(Vec::from_iter(recorder.take_closed()), ["page_labels"]);
    assert!(
        recorder.take_emitted()["pages"] < 4,
        "known pages don't come again"
    );
    assert_same(
        &recorder.tables(),
        &only(oracle(&simulation.corpus(), &[]), &two),
        "a stream more",
    );
    simulation.advance(Duration::from_hours(1));
    simulation.edit(&Edit::Relabel(3, Versioned::Yes));
    let mixed = [
        (Stream::Pages, Mode::Full),
        (Stream::PageLabels, Mode::Incremental),
    ];
    read(&simulation, &recorder, sized(5, 4), &mixed).unwrap();
    assert_eq!(Vec::from_iter(recorder.take_closed()), ["pages"]);
    assert_same(
        &recorder.tables(),
        &only(oracle(&simulation.corpus(), &[]), &two),
        "mixed modes",
    );
}

/// Streams that take turns have watermarks of their own.
#[test]
fn streams_in_turns_miss_nothing() {
    let simulation = simulation_of(small_site(12, 36));
    let recorder = catch_up(&simulation, &sized(4, 4));
    for turn in 0..12 {
        simulation.edit(&Edit::Relabel(turn, Versioned::Yes));
        simulation.edit(&Edit::State(turn + 3));
        let streams: &[Stream] = match turn % 3 {
            0 => &[Stream::Pages],
            1 => &[Stream::PageLabels, Stream::PageVersions],
            _ => &[Stream::PageContentStates, Stream::Pages],
        };
        read(
            &simulation,
            &recorder,
            sized(4, 4),
            &in_mode(streams, Mode::Incremental),
        )
        .unwrap();
        simulation.advance(Duration::from_mins(4 * turn as u64));
    }
    read(
        &simulation,
        &recorder,
        sized(4, 4),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "all turns together",
    );
}

/// The watermarks of the streams that have one.
fn watermarks(simulation: &Simulation, recorder: &Recorder<'_>) -> Vec<Timestamp> {
    let config = parsed(simulation, json!({}));
    let state = State::restore(recorder.state().as_deref(), &config)
        .unwrap()
        .state;
    let watermarks = Stream::ALL
        .into_iter()
        .filter_map(|stream| state.watermark(stream));
    watermarks.collect()
}

#[test]
fn a_watermark_never_passes_the_beginning_of_its_run() {
    let simulation = simulation_of(small_site(20, 37));
    // A clock that is wrong elsewhere: this page is from next year.
    simulation.site.borrow_mut().edit(|corpus| {
        corpus
            .edit_page(&corpus.pages[4].id.clone(), "2027-01-01T00:00:00.000Z", "a")
            .unwrap();
    });
    simulation.plan_edits(vec![
        (5, Edit::Save(2)),
        (30, Edit::Save(9)),
        (60, Edit::Create),
    ]);
    let recorder = Recorder::new(&simulation);
    simulation.advance(Duration::from_mins(1));
    let began = Timestamp::parse(&crate::testing::rfc3339(60_000)).unwrap();
    recorder.refuse_after(Some(20));
    read(
        &simulation,
        &recorder,
        sized(5, 2),
        &every_stream(Mode::Full),
    )
    .unwrap_err();
    recorder.refuse_after(None);
    simulation.advance(Duration::from_mins(30));
    read(
        &simulation,
        &recorder,
        sized(5, 2),
        &every_stream(Mode::Full),
    )
    .unwrap();
    let watermarks = watermarks(&simulation, &recorder);
    assert_eq!(
        watermarks.len(),
        6,
        "one for each stream that hangs on pages"
    );
    assert!(
        watermarks.iter().all(|watermark| *watermark <= began),
        "{watermarks:?} after {began:?}"
    );
    read(
        &simulation,
        &recorder,
        sized(5, 2),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "what was edited meanwhile comes next",
    );
}

/// The order in which spaces are named is no difference.
#[test]
fn the_same_spaces_go_on() {
    let corpus = small_site(20, 43);
    let simulation = simulation_of(corpus.clone());
    let recorder = Recorder::new(&simulation);
    let mut keys: Vec<_> = corpus.spaces.iter().map(|space| &space.key).collect();
    let all = every_stream(Mode::Incremental);
    read(&simulation, &recorder, json!({ "spaces": keys }), &all).unwrap();
    recorder.take_closed();
    keys.reverse();
    read(&simulation, &recorder, json!({ "spaces": keys }), &all).unwrap();
    assert!(
        !recorder.take_closed().contains("pages"),
        "an incremental run"
    );
}

/// Thousands of spaces named one by one, with keys as long as those of personal spaces.
#[test]
fn a_state_stays_small_however_many_spaces_are_named() {
    let mut corpus = Corpus::generate(&CorpusSpec {
        pages: 30,
        spaces: 2000,
        users: 5,
        seed: 44,
    });
    for (space, number) in corpus.spaces.iter_mut().zip(0..) {
        space.key = format!("~712020{number:038}");
    }
    let simulation = simulation_of(corpus.clone());
    let recorder = Recorder::new(&simulation);
    let keys: Vec<_> = corpus.spaces.iter().map(|space| &space.key).collect();
    let config = json!({ "spaces": keys });
    recorder.refuse_after(Some(25));
    let streams = every_stream(Mode::Full);
    read(&simulation, &recorder, config.clone(), &streams).unwrap_err();
    assert!(recorder.state().is_some(), "a checkpoint was made");
    recorder.refuse_after(None);
    read(&simulation, &recorder, config, &streams).unwrap();
    assert!(recorder.longest_state() < 65_536);
    assert_same(&recorder.tables(), &oracle(&corpus, &[]), "all spaces");
}

#[test]
fn other_spaces_begin_afresh() {
    let corpus = small_site(30, 38);
    let simulation = simulation_of(corpus.clone());
    let recorder = Recorder::new(&simulation);
    let keys: Vec<&str> = corpus
        .spaces
        .iter()
        .map(|space| space.key.as_str())
        .collect();
    read(
        &simulation,
        &recorder,
        json!({ "spaces": [keys[0]] }),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    recorder.take_closed();
    read(
        &simulation,
        &recorder,
        json!({ "spaces": [keys[1]] }),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&corpus, &[keys[1]]),
        "the other space alone",
    );
    assert_eq!(recorder.take_closed().len(), 7, "a full run");
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let simulation = simulation_of(small_site(3, 39));
    let recorder = catch_up(&simulation, &json!({}));
    let good = recorder.state().unwrap();
    let other = Simulation::new(small_site(3, 40), 1);
    let foreign = Recorder::new(&other);
    read(&other, &foreign, json!({}), &every_stream(Mode::Full)).unwrap();
    let newer = good.replacen("\"version\":3", "\"version\":4", 1);
    assert_ne!(newer, good);
    for (state, part) in [
        (foreign.state().unwrap(), "belongs to another site"),
        (newer, "version 4, this component reads version 3"),
        (String::new(), "can't be read"),
        ("null".into(), "can't be read"),
        ("{\"version\":3}".into(), "can't be read"),
        ("{\"version\":\"3\"}".into(), "can't be read"),
        (good[..good.len() - 1].into(), "can't be read"),
        (
            good.replacen(
                "\"archived_or_trashed\":\"",
                "\"archived_or_trashed\":\"A",
                1,
            ),
            "can't be read",
        ),
    ] {
        let error = read_from(
            &simulation,
            &recorder,
            json!({}),
            &every_stream(Mode::Full),
            Some(&state),
        )
        .unwrap_err();
        assert_eq!(error.kind, Kind::InvalidState, "{part}");
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert!(
        simulation.sent().is_empty(),
        "no request is made for a state that can't be used"
    );
}

/// Thousands of authors on every page, with the longest ids there are.
#[test]
fn a_state_stays_small_whatever_the_site_holds() {
    let mut corpus = small_site(24, 41);
    for (page, at) in corpus.pages.iter_mut().zip(0..) {
        let version = |number: u32| Version {
            number,
            created_at: format!("2026-05-05T05:{at:02}:05.{:03}Z", number % 1000),
            author_id: Some(format!("712020:{at:08}-0000-4000-8000-{number:012}")),
            ..Version::default()
        };
        page.versions = (1..=2500).map(version).collect();
    }
    let simulation = Simulation::new(corpus, 42);
    let recorder = Recorder::new(&simulation);
    let mut calls = 0;
    loop {
        recorder.refuse_after(Some(60));
        calls += 1;
        match read(
            &simulation,
            &recorder,
            sized(250, 8),
            &every_stream(Mode::Full),
        ) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.kind, Kind::Cancelled),
        }
        assert!(calls < 20, "a run that makes no progress");
    }
    assert!(
        recorder.longest_state() < 65_536,
        "{}",
        recorder.longest_state()
    );
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "thousands of authors",
    );
}
