//! Incremental runs: what changed and little else.

use std::time::Duration;

use mock_confluence::{Corpus, CorpusSpec, Version};
use serde_json::json;

use super::*;
use crate::config::Config;
use crate::error::Kind;
use crate::state::State;
use crate::testing::{Edit, small_site, truth};
use crate::timestamp::Timestamp;

fn world_of(corpus: Corpus) -> World {
    World::new(corpus, 31)
}

/// The sink of a world that was read whole a while ago.
fn catch_up<'a>(world: &'a World, config: &Value) -> Recorder<'a> {
    let recorder = Recorder::new(world);
    read(world, &recorder, config.clone(), &every_stream(Mode::Full)).unwrap();
    recorder.take_emitted();
    recorder.take_finished();
    world.take_log();
    world.pass(Duration::from_hours(3));
    recorder
}

#[test]
fn where_nothing_changed_only_spaces_come() {
    for page_size in [1, 20, 250] {
        let world = world_of(small_site(40, 32));
        let recorder = catch_up(&world, &sized(page_size, 4));
        for _ in 0..2 {
            read(
                &world,
                &recorder,
                sized(page_size, 4),
                &every_stream(Mode::Incremental),
            )
            .unwrap();
            assert_eq!(Vec::from_iter(recorder.take_emitted()), [("spaces", 3)]);
            let snapshots = recorder.take_finished();
            let whole: Vec<_> = snapshots
                .into_iter()
                .filter(|(_, snapshot)| *snapshot)
                .collect();
            assert_eq!(whole, [("spaces", true)]);
            let endpoints = endpoints(&world);
            assert!(
                endpoints.is_subset(&BTreeSet::from([Endpoint::Spaces, Endpoint::Pages])),
                "{endpoints:?}"
            );
            world.take_log();
            world.pass(Duration::from_hours(1));
        }
    }
}

#[test]
fn what_changed_is_delivered_at_the_cost_of_the_change() {
    for (edit, pages) in [
        (Edit::Save(3), 1),
        (Edit::Create, 1),
        (Edit::Trash(4, true), 1),
        (Edit::Trash(4, false), 1),
        (Edit::Archive(4), 1),
        (Edit::State(5), 1),
        (Edit::Relabel(6, true), 1),
    ] {
        let world = world_of(small_site(40, 33));
        let recorder = catch_up(&world, &json!({}));
        world.edit(&edit);
        world.pass(Duration::from_secs(20));
        read(
            &world,
            &recorder,
            json!({}),
            &every_stream(Mode::Incremental),
        )
        .unwrap();
        let found = recorder.tables();
        let truth = truth(&world.corpus(), &[]);
        assert_eq!(found["pages"], truth["pages"], "{edit:?}");
        let trashed = matches!(edit, Edit::Trash(..));
        if !trashed {
            assert_same(&found, &truth, &format!("{edit:?}"));
        }
        // Those that share a bucket of the digest may come along.
        let rows = recorder.take_emitted()["pages"];
        assert!(
            (pages..=pages + 2).contains(&rows),
            "{edit:?}: {rows} rows of pages"
        );
        let details = world
            .sent()
            .iter()
            .filter(|sent| sent.endpoint.is_of_a_page())
            .count();
        assert!(details <= 4, "{edit:?}: {details} requests for details");
    }
}

/// A page in the trash, or a purged one, hides nothing else.
#[test]
fn a_watermark_is_not_bound_to_a_page() {
    let world = world_of(small_site(20, 34));
    let recorder = catch_up(&world, &json!({}));
    world.edit(&Edit::Save(1));
    read(
        &world,
        &recorder,
        json!({}),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    world.edit(&Edit::Purge(1));
    world.pass(Duration::from_hours(1));
    world.edit(&Edit::Save(2));
    read(
        &world,
        &recorder,
        json!({}),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    let (found, truth) = (recorder.tables(), truth(&world.corpus(), &[]));
    assert!(
        truth["pages"]
            .iter()
            .all(|(key, row)| found["pages"].get(key) == Some(row))
    );
}

#[test]
fn an_order_that_cannot_be_trusted_loses_nothing() {
    for (page_size, seed) in (1..=9).flat_map(|size| (0..30).map(move |seed| (size, seed))) {
        let world = world_of(small_site(30, seed));
        let recorder = catch_up(&world, &sized(page_size, 4));
        world.order(&["unsorted"]);
        for page in [7, 12, 25] {
            world.edit(&Edit::Save(page));
        }
        world.edit(&Edit::Create);
        read(
            &world,
            &recorder,
            sized(page_size, 4),
            &every_stream(Mode::Incremental),
        )
        .unwrap();
        assert_same(
            &recorder.tables(),
            &truth(&world.corpus(), &[]),
            &format!("page size {page_size}, seed {seed}"),
        );
        let finished = recorder.take_finished();
        assert!(
            finished
                .iter()
                .all(|(name, snapshot)| *snapshot == (*name == "spaces"))
        );
    }
}

#[test]
fn modes_can_be_mixed_and_streams_added() {
    let world = world_of(small_site(25, 35));
    let recorder = Recorder::new(&world);
    read(
        &world,
        &recorder,
        sized(5, 4),
        &in_mode(&[Stream::Pages], Mode::Incremental),
    )
    .unwrap();
    assert_eq!(
        Vec::from_iter(recorder.take_finished()),
        [("pages", true)],
        "the first run is whole"
    );
    world.pass(Duration::from_hours(1));
    world.edit(&Edit::Save(2));
    let two = [Stream::Pages, Stream::PageLabels];
    recorder.take_emitted();
    read(
        &world,
        &recorder,
        sized(5, 4),
        &in_mode(&two, Mode::Incremental),
    )
    .unwrap();
    assert_eq!(
        Vec::from_iter(recorder.take_finished()),
        [("page_labels", true), ("pages", false)]
    );
    assert!(
        recorder.take_emitted()["pages"] < 4,
        "known pages don't come again"
    );
    assert_same(
        &recorder.tables(),
        &only(truth(&world.corpus(), &[]), &two),
        "a stream more",
    );
    world.pass(Duration::from_hours(1));
    world.edit(&Edit::Relabel(3, true));
    let mixed = [
        (Stream::Pages, Mode::Full),
        (Stream::PageLabels, Mode::Incremental),
    ];
    read(&world, &recorder, sized(5, 4), &mixed).unwrap();
    assert_eq!(
        Vec::from_iter(recorder.take_finished()),
        [("page_labels", false), ("pages", true)]
    );
    assert_same(
        &recorder.tables(),
        &only(truth(&world.corpus(), &[]), &two),
        "mixed modes",
    );
}

/// Streams that take turns have watermarks of their own.
#[test]
fn streams_in_turns_miss_nothing() {
    let world = world_of(small_site(12, 36));
    let recorder = catch_up(&world, &sized(4, 4));
    for turn in 0..12 {
        world.edit(&Edit::Relabel(turn, true));
        world.edit(&Edit::State(turn + 3));
        let streams: &[Stream] = match turn % 3 {
            0 => &[Stream::Pages],
            1 => &[Stream::PageLabels, Stream::PageVersions],
            _ => &[Stream::PageContentStates, Stream::Pages],
        };
        read(
            &world,
            &recorder,
            sized(4, 4),
            &in_mode(streams, Mode::Incremental),
        )
        .unwrap();
        world.pass(Duration::from_mins(4 * turn as u64));
    }
    read(
        &world,
        &recorder,
        sized(4, 4),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &truth(&world.corpus(), &[]),
        "all turns together",
    );
}

/// The watermarks of the streams that have one.
fn watermarks(world: &World, recorder: &Recorder<'_>) -> Vec<Timestamp> {
    let config = Config::parse(&world.config(json!({}))).unwrap();
    let state = State::read(recorder.state().as_deref(), &config).unwrap();
    let watermarks = Stream::ALL
        .into_iter()
        .filter_map(|stream| state.watermark(stream));
    watermarks.collect()
}

#[test]
fn a_watermark_never_passes_the_beginning_of_its_run() {
    let world = world_of(small_site(20, 37));
    // A clock that is wrong elsewhere: this page is from next year.
    world.site.borrow_mut().edit(|corpus| {
        corpus
            .edit_page(&corpus.pages[4].id.clone(), "2027-01-01T00:00:00.000Z", "a")
            .unwrap();
    });
    world.plan_edits(vec![
        (5, Edit::Save(2)),
        (30, Edit::Save(9)),
        (60, Edit::Create),
    ]);
    let recorder = Recorder::new(&world);
    world.pass(Duration::from_mins(1));
    let began = Timestamp::parse(&crate::testing::rfc3339(60_000)).unwrap();
    recorder.refuse_after(Some(20));
    read(&world, &recorder, sized(5, 2), &every_stream(Mode::Full)).unwrap_err();
    recorder.refuse_after(None);
    world.pass(Duration::from_mins(30));
    read(&world, &recorder, sized(5, 2), &every_stream(Mode::Full)).unwrap();
    let watermarks = watermarks(&world, &recorder);
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
        &world,
        &recorder,
        sized(5, 2),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &truth(&world.corpus(), &[]),
        "what was edited meanwhile comes next",
    );
}

/// The order in which spaces are named is no difference.
#[test]
fn the_same_spaces_go_on() {
    let corpus = small_site(20, 43);
    let world = world_of(corpus.clone());
    let recorder = Recorder::new(&world);
    let mut keys: Vec<_> = corpus.spaces.iter().map(|space| &space.key).collect();
    let all = every_stream(Mode::Incremental);
    read(&world, &recorder, json!({ "spaces": keys }), &all).unwrap();
    recorder.take_finished();
    keys.reverse();
    read(&world, &recorder, json!({ "spaces": keys }), &all).unwrap();
    assert!(!recorder.take_finished()["pages"], "an incremental run");
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
    let world = world_of(corpus.clone());
    let recorder = Recorder::new(&world);
    let keys: Vec<_> = corpus.spaces.iter().map(|space| &space.key).collect();
    let config = json!({ "spaces": keys });
    recorder.refuse_after(Some(40));
    let streams = every_stream(Mode::Full);
    read(&world, &recorder, config.clone(), &streams).unwrap_err();
    assert!(recorder.state().is_some(), "a checkpoint was made");
    recorder.refuse_after(None);
    read(&world, &recorder, config, &streams).unwrap();
    assert!(recorder.longest_state() < 65_536);
    assert_same(&recorder.tables(), &truth(&corpus, &[]), "all spaces");
}

#[test]
fn other_spaces_begin_afresh() {
    let corpus = small_site(30, 38);
    let world = world_of(corpus.clone());
    let recorder = Recorder::new(&world);
    let keys: Vec<&str> = corpus
        .spaces
        .iter()
        .map(|space| space.key.as_str())
        .collect();
    read(
        &world,
        &recorder,
        json!({ "spaces": [keys[0]] }),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    recorder.take_finished();
    read(
        &world,
        &recorder,
        json!({ "spaces": [keys[1]] }),
        &every_stream(Mode::Incremental),
    )
    .unwrap();
    assert_same(
        &recorder.tables(),
        &truth(&corpus, &[keys[1]]),
        "the other space alone",
    );
    assert!(recorder.take_finished().values().all(|snapshot| *snapshot));
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let world = world_of(small_site(3, 39));
    let recorder = catch_up(&world, &json!({}));
    let good = recorder.state().unwrap();
    let other = World::new(small_site(3, 40), 1);
    let foreign = Recorder::new(&other);
    read(&other, &foreign, json!({}), &every_stream(Mode::Full)).unwrap();
    let newer = good.replacen("\"version\":1", "\"version\":2", 1);
    assert_ne!(newer, good);
    for (state, part) in [
        (foreign.state().unwrap(), "belongs to another site"),
        (newer, "version 2, this component reads version 1"),
        (String::new(), "can't be read"),
        ("null".into(), "can't be read"),
        ("{\"version\":1}".into(), "can't be read"),
        ("{\"version\":\"1\"}".into(), "can't be read"),
        (good[..good.len() - 1].into(), "can't be read"),
        (
            good.replacen("\"put_away\":\"", "\"put_away\":\"A", 1),
            "can't be read",
        ),
    ] {
        let error = read_from(
            &world,
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
        world.sent().is_empty(),
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
    let world = World::new(corpus, 42);
    let recorder = Recorder::new(&world);
    let mut calls = 0;
    loop {
        recorder.refuse_after(Some(300));
        calls += 1;
        match read(&world, &recorder, sized(250, 8), &every_stream(Mode::Full)) {
            Ok(()) => break,
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
        &truth(&world.corpus(), &[]),
        "thousands of authors",
    );
}
