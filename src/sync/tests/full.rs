//! Full runs: every row there is, and not one request more than it takes.

use std::collections::BTreeSet;

use mock_confluence::{Corpus, CorpusSpec, Page};
use serde_json::json;

use super::*;
use crate::testing::{oracle, small_site};

/// A site of a few pages, made by hand: what a generator doesn't think of.
fn odd_sites() -> Vec<(&'static str, Corpus)> {
    let empty = small_site(0, 1);
    let mut one = small_site(1, 2);
    one.spaces.truncate(1);
    let mut same_time = small_site(9, 3);
    for page in &mut same_time.pages {
        for version in &mut page.versions {
            version.created_at = "2026-05-05T05:05:05.555Z".to_owned();
        }
    }
    let mut bare = small_site(2, 4);
    bare.pages.push(Page {
        id: "7".to_owned(),
        status: "current".to_owned(),
        space_id: bare.spaces[0].id.clone(),
        ..Page::default()
    });
    let mut archived_or_trashed = small_site(6, 5);
    for (page, status) in archived_or_trashed
        .pages
        .iter_mut()
        .zip(["trashed", "archived"].into_iter().cycle())
    {
        status.clone_into(&mut page.status);
    }
    let mut unknown = small_site(4, 6);
    unknown.users.clear();
    vec![
        ("no page", empty),
        ("one page", one),
        ("all modified at the same instant", same_time),
        ("a page without anything", bare),
        ("everything put away", archived_or_trashed),
        ("no account is known", unknown),
    ]
}

#[test]
fn a_full_run_delivers_the_truth_at_any_page_size() {
    let large = Corpus::generate(&CorpusSpec {
        pages: 60,
        ..CorpusSpec::default()
    });
    let small = small_site(40, 7);
    for (page_size, corpus) in [
        (1, &small),
        (2, &small),
        (7, &small),
        (250, &small),
        (7, &large),
        (250, &large),
    ] {
        let simulation = Simulation::new(corpus.clone(), u64::from(page_size));
        let recorder = Recorder::new(&simulation);
        read(
            &simulation,
            &recorder,
            sized(page_size, 8),
            &every_stream(Mode::Full),
        )
        .unwrap();
        assert_same(
            &recorder.tables(),
            &oracle(corpus, &[]),
            &format!("page size {page_size}"),
        );
        assert_eq!(recorder.take_closed().len(), 7, "every snapshot ends");
        assert!(recorder.longest_state() < 65_536);
        assert!(asked(&simulation).len() == 7);
    }
}

#[test]
fn odd_sites_are_read_whole() {
    for (what, corpus) in odd_sites() {
        for page_size in [1, 3, 250] {
            let simulation = Simulation::new(corpus.clone(), 5);
            let recorder = Recorder::new(&simulation);
            read(
                &simulation,
                &recorder,
                sized(page_size, 3),
                &every_stream(Mode::Full),
            )
            .unwrap();
            assert_same(&recorder.tables(), &oracle(&corpus, &[]), what);
            read(
                &simulation,
                &recorder,
                sized(page_size, 3),
                &every_stream(Mode::Incremental),
            )
            .unwrap();
            assert_same(&recorder.tables(), &oracle(&corpus, &[]), what);
        }
    }
}

#[test]
fn chosen_spaces_are_read_and_no_others() {
    let corpus = small_site(30, 8);
    let keys: Vec<&str> = corpus
        .spaces
        .iter()
        .map(|space| space.key.as_str())
        .collect();
    for chosen in [&keys[..1], &keys[1..2], &keys[1..]] {
        let simulation = Simulation::new(corpus.clone(), 9);
        let recorder = Recorder::new(&simulation);
        let config = json!({ "spaces": chosen, "page_size": 4 });
        read(&simulation, &recorder, config, &every_stream(Mode::Full)).unwrap();
        assert_same(
            &recorder.tables(),
            &oracle(&corpus, chosen),
            &format!("{chosen:?}"),
        );
        assert_eq!(asked(&simulation)[&Endpoint::Spaces], 2);
    }
}

/// More spaces than one listing of pages takes ids.
#[test]
fn many_chosen_spaces_are_filtered_by_row() {
    let corpus = Corpus::generate(&CorpusSpec {
        pages: 3,
        spaces: 230,
        users: 3,
        seed: 1,
    });
    let simulation = Simulation::new(corpus.clone(), 1);
    let recorder = Recorder::new(&simulation);
    let keys: Vec<&str> = corpus
        .spaces
        .iter()
        .map(|space| space.key.as_str())
        .collect();
    let config = json!({ "spaces": keys });
    read(&simulation, &recorder, config, &every_stream(Mode::Full)).unwrap();
    assert_same(&recorder.tables(), &oracle(&corpus, &[]), "230 spaces");
    assert_eq!(asked(&simulation)[&Endpoint::Pages], 1, "the whole site");
}

#[test]
fn a_stream_costs_no_request_that_it_does_not_need() {
    use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
    let corpus = small_site(20, 10);
    for (streams, needed) in [
        (&[Stream::Spaces][..], &[Spaces][..]),
        (&[Stream::Pages], &[Pages]),
        (&[Stream::PageVersions], &[Pages, Versions]),
        (&[Stream::PageLabels], &[Pages, Labels]),
        (&[Stream::PageViews], &[Pages, Views]),
        (&[Stream::PageContentStates], &[Pages, States]),
        (&[Stream::Users], &[Spaces, Pages, Versions, Users]),
        (&[Stream::Spaces, Stream::Pages], &[Spaces, Pages]),
        (&[Stream::Pages, Stream::PageLabels], &[Pages, Labels]),
        (
            &[Stream::PageViews, Stream::PageContentStates],
            &[Pages, Views, States],
        ),
        (
            &[Stream::Users, Stream::PageLabels],
            &[Spaces, Pages, Versions, Labels, Users],
        ),
    ] {
        let simulation = Simulation::new(corpus.clone(), 11);
        let recorder = Recorder::new(&simulation);
        read(
            &simulation,
            &recorder,
            sized(6, 4),
            &in_mode(streams, Mode::Full),
        )
        .unwrap();
        let expected = only(oracle(&corpus, &[]), streams);
        assert_same(&recorder.tables(), &expected, &format!("{streams:?}"));
        assert_eq!(
            endpoints(&simulation),
            needed.iter().copied().collect::<BTreeSet<_>>(),
            "{streams:?}"
        );
        let trashed = simulation
            .sent()
            .iter()
            .any(|sent| sent.query.contains("trashed"));
        let wanted = streams.contains(&Stream::Pages) || streams.contains(&Stream::Users);
        assert_eq!(trashed, wanted, "{streams:?}");
        let names: BTreeSet<_> = streams.iter().map(|stream| stream.name()).collect();
        assert_eq!(recorder.take_closed(), names, "{streams:?}");
    }
}

/// The pages of a listing of so many rows.
fn listings(rows: usize, page_size: usize) -> usize {
    rows.div_ceil(page_size).max(1)
}

#[test]
fn a_clean_full_run_costs_exactly_what_it_must() {
    let corpus = Corpus::generate(&CorpusSpec {
        pages: 50,
        users: 700,
        ..CorpusSpec::default()
    });
    for page_size in [9, 100, 250] {
        let simulation = Simulation::new(corpus.clone(), 12);
        let recorder = Recorder::new(&simulation);
        read(
            &simulation,
            &recorder,
            sized(u32::try_from(page_size).unwrap(), 8),
            &every_stream(Mode::Full),
        )
        .unwrap();
        let live = || corpus.pages.iter().filter(|page| page.status != "trashed");
        let spaces = |status: &str| {
            corpus
                .spaces
                .iter()
                .filter(|space| space.status == status)
                .count()
        };
        let accounts = simulation
            .sent()
            .iter()
            .filter_map(|sent| sent.body.clone())
            .map(|body| {
                serde_json::from_str::<Value>(&body).unwrap()["accountIds"]
                    .as_array()
                    .unwrap()
                    .len()
            })
            .collect::<Vec<_>>();
        let expected = BTreeMap::from([
            (
                Endpoint::Spaces,
                listings(spaces("current"), page_size) + listings(spaces("archived"), page_size),
            ),
            (Endpoint::Pages, listings(corpus.pages.len(), page_size)),
            (
                Endpoint::Versions,
                live()
                    .map(|page| listings(page.versions.len(), page_size))
                    .sum(),
            ),
            (
                Endpoint::Labels,
                live()
                    .map(|page| listings(page.labels.len(), page_size))
                    .sum(),
            ),
            (
                Endpoint::Users,
                accounts.iter().sum::<usize>().div_ceil(250),
            ),
            (Endpoint::Views, live().count()),
            (Endpoint::States, live().count()),
        ]);
        assert!(accounts.iter().sum::<usize>() > 250, "more than one batch");
        let mut asked = asked(&simulation);
        // A space whose views are refused for a page costs one probe, which says that the credentials work.
        let probes = simulation
            .sent()
            .iter()
            .filter(|sent| sent.query == "limit=1")
            .count();
        assert!(probes <= corpus.spaces.len(), "{probes} probes");
        *asked.get_mut(&Endpoint::Pages).unwrap() -= probes;
        assert_eq!(asked, expected, "page size {page_size}");
    }
}

#[test]
fn as_many_requests_are_in_flight_as_may_be() {
    for most in [1, 2, 8, 64] {
        let simulation = Simulation::new(small_site(100, 13), 14);
        let recorder = Recorder::new(&simulation);
        read(
            &simulation,
            &recorder,
            sized(25, most),
            &every_stream(Mode::Full),
        )
        .unwrap();
        assert_eq!(simulation.busiest.get(), most);
    }
}

/// What the real service was seen to do, and what a site with a proxy before it may do.
#[test]
fn awkward_listings_are_read_whole() {
    let corpus = small_site(25, 15);
    for fault in [
        "empty-page",
        "short-pages",
        "no-next-but-link",
        "foreign-next",
        "near-limit",
        "too-large-limit:limit=6",
    ] {
        let simulation = Simulation::new(corpus.clone(), 16);
        simulation.inject_faults(&[fault]);
        let recorder = Recorder::new(&simulation);
        read(
            &simulation,
            &recorder,
            sized(10, 4),
            &every_stream(Mode::Full),
        )
        .unwrap();
        assert_same(&recorder.tables(), &oracle(&corpus, &[]), fault);
        assert_eq!(recorder.take_closed().len(), 7, "{fault}");
    }
}

/// A checkpoint costs a destination a commit, and a kill what came since the last one.
#[test]
fn a_checkpoint_comes_at_the_latest_with_every_32_requests() {
    for (is_instant, fewest, most) in [(false, 12, 20), (true, 20, 32)] {
        let mut simulation = Simulation::new(small_site(200, 17), 18);
        if is_instant {
            simulation = simulation.without_latency();
        }
        let recorder = Recorder::new(&simulation);
        read(
            &simulation,
            &recorder,
            sized(250, 8),
            &every_stream(Mode::Full),
        )
        .unwrap();
        let checkpoints = recorder.take_checkpoints();
        let requests = simulation.sent().len();
        assert!(
            (requests / most..=requests / fewest + 3).contains(&checkpoints),
            "{checkpoints} of {requests}, instant: {is_instant}"
        );
    }
}

/// Where the service is slow, time decides.
#[test]
fn a_checkpoint_comes_with_time() {
    let simulation = Simulation::new(small_site(20, 19), 20);
    simulation.inject_faults(&["503:every=3,seconds=4"]);
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        sized(250, 1),
        &every_stream(Mode::Full),
    )
    .unwrap();
    let log = simulation.take_log();
    let times = log
        .iter()
        .filter(|(_, event)| matches!(event, crate::testing::Event::Checkpoint(_)));
    let times: Vec<_> = times.map(|(millis, _)| *millis).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.max() < Some(40_000), "{times:?}");
}

/// A note costs a host more than a person gains from the next one a moment later.
#[test]
fn progress_is_told_five_times_a_second_at_most() {
    let simulation = Simulation::new(small_site(300, 17), 18);
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        sized(250, 8),
        &every_stream(Mode::Full),
    )
    .unwrap();
    let log = simulation.take_log();
    let times = log.iter().filter_map(|(millis, event)| match event {
        crate::testing::Event::Note(note) if note.contains("\"progress\"") => Some(*millis),
        _ => None,
    });
    let times: Vec<_> = times.collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let early = gaps.iter().filter(|gap| **gap < 200).count();
    assert!(gaps.len() > 5, "{times:?}");
    assert!(early <= 1, "but for the end of the run: {times:?}");
}

/// A full page without any link may be the last one or not: to take it for the end could lose rows in silence.
#[test]
fn a_full_page_without_links_is_no_end() {
    let corpus = small_site(12, 97);
    for (page_size, ends_well) in [(5, false), (250, true)] {
        let simulation = Simulation::new(corpus.clone(), 98);
        simulation.inject_faults(&["no-links:form=absent"]);
        let recorder = Recorder::new(&simulation);
        let result = read(
            &simulation,
            &recorder,
            sized(page_size, 4),
            &[(Stream::Pages, Mode::Full)],
        );
        assert_eq!(result.is_ok(), ends_well, "{result:?}");
        if let Err(error) = result {
            assert!(error.message.contains("goes on"), "{error}");
            assert!(recorder.take_closed().is_empty(), "nothing is swept");
        }
    }
}
