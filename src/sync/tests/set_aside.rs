//! Pages, endpoints, rows and accounts that fail: everything else arrives, and it is said what does not.

use std::time::Duration;

use mock_confluence::Corpus;

use super::*;
use crate::error::Kind;
use crate::testing::{Edit, oracle, small_site};

/// Patience that a test can afford: nothing is waited for long.
fn impatient() -> Value {
    json!({ "max_concurrency": 4, "retry": { "attempts": 1 } })
}

fn with(mut config: Value, name: &str, value: Value) -> Value {
    config
        .as_object_mut()
        .unwrap()
        .insert(name.to_owned(), value);
    config
}

/// A site, and the ids of some of its live pages.
fn site(pages: usize, seed: u64) -> (Corpus, Vec<String>) {
    let corpus = small_site(pages, seed);
    let live = corpus.pages.iter().filter(|page| page.status == "current");
    let ids = live.map(|page| page.id.clone()).collect();
    (corpus, ids)
}

/// The tables without the rows of one stream that belong to a page.
fn without(mut tables: Tables, stream: Stream, page_id: &str) -> Tables {
    if let Some(rows) = tables.get_mut(stream.name()) {
        rows.retain(|_, row| row["page_id"] != page_id);
    }
    tables
}

/// Three pages that never answer in one stream each.
fn three_faults(ids: &[String]) -> Vec<String> {
    [("504", "versions"), ("400", "states"), ("403", "labels")]
        .iter()
        .zip(ids)
        .map(|((fault, endpoint), id)| format!("{fault}:endpoint={endpoint},page={id}"))
        .collect()
}

#[test]
fn three_pages_that_fail_cost_nothing_else() {
    let (corpus, ids) = site(30, 61);
    let simulation = Simulation::new(corpus.clone(), 62);
    inject(&simulation, &three_faults(&ids));
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
    assert_eq!(error.kind, Kind::Incomplete, "{error}");
    let mut failed = ids_of(&details_of(&error));
    failed.sort();
    let mut expected_ids = ids[..3].to_vec();
    expected_ids.sort();
    assert_eq!(failed, expected_ids);
    assert!(
        ids[..3].iter().all(|id| error.message.contains(id)),
        "{}",
        error.message
    );
    let expected = without(oracle(&corpus, &[]), Stream::PageVersions, &ids[0]);
    let expected = without(expected, Stream::PageContentStates, &ids[1]);
    let mut expected = without(expected, Stream::PageLabels, &ids[2]);
    let mut found = recorder.tables();
    expected.remove("users");
    found.remove("users");
    assert_same(&found, &expected, "all but three");
    let closed = recorder.take_closed();
    assert!(closed.contains("pages") && closed.contains("page_versions"));
    assert!(
        !closed.contains("users"),
        "authors in versions may be missing"
    );

    simulation.take_log();
    let incremental = every_stream(Mode::Incremental);
    simulation.advance(Duration::from_hours(1));
    simulation.edit(&Edit::Save(12));
    let error = read(&simulation, &recorder, impatient(), &incremental).unwrap_err();
    assert_eq!(error.kind, Kind::Incomplete, "increments go on");
    let sent = simulation.sent();
    assert!(
        sent[0].query.starts_with("id="),
        "the status first: {}",
        sent[0]
    );
    let first: BTreeSet<_> = sent[1..4].iter().map(|sent| sent.endpoint).collect();
    assert!(first.is_subset(&BTreeSet::from([
        Endpoint::Versions,
        Endpoint::Labels,
        Endpoint::States
    ])));
    assert_eq!(ids_of(&details_of(&error)).len(), 3);

    simulation.inject_faults(&[]);
    simulation.take_log();
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "they came in the end",
    );
}

/// The next full run asks only for what is missing, and closes the snapshot that spared it.
#[test]
fn a_full_run_that_only_lacked_pages_is_completed() {
    let (corpus, ids) = site(20, 63);
    let simulation = Simulation::new(corpus.clone(), 64);
    inject(&simulation, &three_faults(&ids));
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    read(&simulation, &recorder, impatient(), &full).unwrap_err();
    recorder.take_closed();
    simulation.inject_faults(&[]);
    simulation.take_log();
    read(&simulation, &recorder, impatient(), &full).unwrap();
    let details = simulation
        .sent()
        .iter()
        .filter(|sent| sent.endpoint.is_per_page())
        .count();
    assert_eq!(details, 3, "only what was missing");
    assert_eq!(recorder.take_closed().len(), 7);
    assert_same(&recorder.tables(), &oracle(&corpus, &[]), "complete");
}

#[test]
fn while_pages_fail_a_full_run_opens_a_new_snapshot() {
    let (corpus, ids) = site(20, 65);
    let simulation = Simulation::new(corpus.clone(), 66);
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    read(&simulation, &recorder, impatient(), &full).unwrap();
    inject(&simulation, &three_faults(&ids));
    for run in 0..3 {
        let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
        assert_eq!(error.kind, Kind::Incomplete);
        assert_same(
            &recorder.tables(),
            &oracle(&corpus, &[]),
            &format!("run {run}: old rows stay"),
        );
        simulation.edit(&Edit::Create);
        let corpus = simulation.corpus();
        read(&simulation, &recorder, impatient(), &full).unwrap_err();
        assert_same(
            &recorder.tables(),
            &oracle(&corpus, &[]),
            "a new page comes",
        );
        simulation.edit(&Edit::Purge(corpus.pages.len() - 1));
        read(&simulation, &recorder, impatient(), &full).unwrap_err();
    }
}

#[test]
fn skipped_pages_keep_their_old_details_and_the_run_is_good() {
    let (corpus, ids) = site(20, 67);
    let simulation = Simulation::new(corpus.clone(), 68);
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    read(&simulation, &recorder, impatient(), &full).unwrap();
    inject(&simulation, &three_faults(&ids));
    read(&simulation, &recorder, impatient(), &full).unwrap_err();
    let skipping = with(impatient(), "skip_pages", json!(ids[..3]));
    let summary = read(&simulation, &recorder, skipping, &full).unwrap();
    assert_eq!(summary["skipped"].as_array().unwrap().len(), 3);
    assert_eq!(summary["set_aside"], json!([]));
    assert_same(
        &recorder.tables(),
        &oracle(&corpus, &[]),
        "old details stay",
    );
    // Without the list, their details are read first.
    simulation.inject_faults(&[]);
    simulation.edit(&Edit::Relabel(0, crate::testing::Versioned::No));
    let incremental = every_stream(Mode::Incremental);
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    let found = recorder.tables();
    assert_eq!(
        found["page_versions"],
        oracle(&simulation.corpus(), &[])["page_versions"]
    );
}

#[test]
fn an_endpoint_that_fails_for_every_page_is_left_alone() {
    for fault in [
        "analytics-down",
        "route-gone:endpoint=views",
        "500:endpoint=views",
    ] {
        let (corpus, _) = site(60, 69);
        let simulation = Simulation::new(corpus.clone(), 70);
        let recorder = Recorder::new(&simulation);
        let full = every_stream(Mode::Full);
        read(&simulation, &recorder, impatient(), &full).unwrap();
        recorder.take_closed();
        simulation.inject_faults(&[fault]);
        simulation.edit(&Edit::Create);
        simulation.take_log();
        let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
        assert_eq!(error.kind, Kind::Incomplete, "{fault}: {error}");
        let details = details_of(&error);
        assert_eq!(
            details["set_aside"],
            json!([]),
            "{fault}: probes don't count"
        );
        assert_eq!(details["stalled"], json!(["page_views"]));
        let asked = asked_quietly(&simulation)[&Endpoint::Views];
        assert!(asked < 40, "{fault}: {asked} requests for views");
        let closed = recorder.take_closed();
        assert_eq!(closed.len(), 6, "{fault}: {closed:?}");
        assert!(!closed.contains("page_views"));
        let mut expected = oracle(&simulation.corpus(), &[]);
        expected
            .get_mut("page_views")
            .unwrap()
            .retain(|_, row| corpus.page(row["page_id"].as_str().unwrap()).is_some());
        assert_same(
            &recorder.tables(),
            &expected,
            &format!("{fault}: no nulls are invented"),
        );
        simulation.inject_faults(&[]);
        let incremental = every_stream(Mode::Incremental);
        read(&simulation, &recorder, impatient(), &incremental).unwrap();
        assert_same(
            &recorder.tables(),
            &oracle(&simulation.corpus(), &[]),
            "it catches up",
        );
    }
}

/// How often each endpoint was asked, bad requests included.
fn asked_quietly(simulation: &Simulation) -> BTreeMap<Endpoint, usize> {
    let mut asked = BTreeMap::new();
    for sent in simulation.sent() {
        *asked.entry(sent.endpoint).or_default() += 1;
    }
    asked
}

#[test]
fn more_than_200_pages_end_the_run_with_a_good_checkpoint() {
    let (corpus, ids) = site(260, 71);
    let simulation = Simulation::new(corpus, 72);
    // One page answers, so that the endpoint is not taken to be down.
    let faults: Vec<_> = ids[1..]
        .iter()
        .map(|id| format!("504:endpoint=labels,page={id}"))
        .collect();
    inject(&simulation, &faults);
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert_eq!(ids_of(&details_of(&error)).len(), 200);
    assert!(
        recorder.longest_state() < 65_536,
        "{}",
        recorder.longest_state()
    );
    recorder.roll_back();
    simulation.inject_faults(&[]);
    read(&simulation, &recorder, impatient(), &full).unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "all of them",
    );
}

/// Others are delivered, and so are those that are met later; a fault of the service's is no word about the account.
#[test]
fn an_account_for_which_the_service_fails_costs_no_other() {
    let (corpus, _) = site(30, 73);
    for (status, kind) in [
        (500, Some(Kind::Incomplete)),
        (504, Some(Kind::Incomplete)),
        (422, None),
        (413, None),
    ] {
        let simulation = Simulation::new(corpus.clone(), 74);
        let account = &corpus.users[corpus.users.len() / 3].account_id;
        simulation.inject_faults(&[&format!("bad-account:status={status},account={account}")]);
        let recorder = Recorder::new(&simulation);
        let result = read(
            &simulation,
            &recorder,
            impatient(),
            &every_stream(Mode::Full),
        );
        assert_eq!(result.err().map(|error| error.kind), kind, "{status}");
        let mut expected = oracle(&corpus, &[]);
        let found = recorder.tables();
        assert_eq!(
            found["users"].len() + 1,
            expected["users"].len(),
            "{status}"
        );
        expected.insert("users", found["users"].clone());
        assert_same(&found, &expected, "all but one account");
        simulation.inject_faults(&[]);
        read(
            &simulation,
            &recorder,
            impatient(),
            &every_stream(Mode::Full),
        )
        .unwrap();
        assert_same(&recorder.tables(), &oracle(&corpus, &[]), "afterwards");
    }
}

#[test]
fn an_account_that_spoils_a_batch_is_found() {
    let (corpus, _) = site(30, 73);
    let simulation = Simulation::new(corpus.clone(), 74);
    simulation.inject_faults(&["bad-account"]);
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        impatient(),
        &every_stream(Mode::Full),
    )
    .unwrap();
    let mut expected = oracle(&corpus, &[]);
    let found = recorder.tables();
    assert_eq!(found["users"].len() + 1, expected["users"].len());
    expected.insert("users", found["users"].clone());
    assert_same(&found, &expected, "all but one account");
}

/// The service itself is down: pages are not set aside for that.
#[test]
fn an_outage_ends_the_run() {
    let (corpus, _) = site(30, 75);
    for after in [3, 30, 60] {
        let simulation = Simulation::new(corpus.clone(), 76);
        simulation.inject_faults(&[&format!("503:after={after}")]);
        let recorder = Recorder::new(&simulation);
        let full = every_stream(Mode::Full);
        let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "after {after}: {error}");
        simulation.inject_faults(&[]);
        read(&simulation, &recorder, impatient(), &full).unwrap();
        assert_same(&recorder.tables(), &oracle(&corpus, &[]), "afterwards");
    }
}

/// One probe decides for all requests that fail together.
#[test]
fn an_outage_is_probed_once() {
    let (corpus, _) = site(30, 77);
    let simulation = Simulation::new(corpus, 78);
    simulation.inject_faults(&["503:after=20"]);
    let recorder = Recorder::new(&simulation);
    read(
        &simulation,
        &recorder,
        impatient(),
        &every_stream(Mode::Full),
    )
    .unwrap_err();
    let probes = simulation
        .sent()
        .into_iter()
        .filter(|sent| sent.query == "limit=1");
    assert!(probes.count() <= 2, "one request and its retry");
}

/// More pages than it takes to call an endpoint dead, known to fail: the others are read all the same.
#[test]
fn pages_that_keep_failing_do_not_stall_their_endpoint() {
    let (corpus, ids) = site(30, 71);
    let simulation = Simulation::new(corpus, 72);
    let faults: Vec<_> = ids[2..10]
        .iter()
        .map(|id| format!("504:endpoint=versions,page={id}"))
        .collect();
    inject(&simulation, &faults);
    let recorder = Recorder::new(&simulation);
    let error = read(
        &simulation,
        &recorder,
        impatient(),
        &every_stream(Mode::Full),
    )
    .unwrap_err();
    assert_eq!(ids_of(&details_of(&error)).len(), 8, "{error}");
    let incremental = every_stream(Mode::Incremental);
    for page in [20, 21] {
        simulation.advance(Duration::from_hours(1));
        simulation.edit(&Edit::Save(page));
        let error = read(&simulation, &recorder, impatient(), &incremental).unwrap_err();
        assert_eq!(details_of(&error)["stalled"], json!([]), "{error}");
        assert_eq!(ids_of(&details_of(&error)).len(), 8, "{error}");
    }
    let mut expected = oracle(&simulation.corpus(), &[]);
    let mut found = recorder.tables();
    for id in &ids[2..10] {
        expected = without(expected, Stream::PageVersions, id);
        found = without(found, Stream::PageVersions, id);
    }
    let streams = [Stream::PageVersions, Stream::Pages, Stream::PageLabels];
    assert_same(
        &only(found, &streams),
        &only(expected, &streams),
        "the edits arrived",
    );
    simulation.inject_faults(&[]);
    read(&simulation, &recorder, impatient(), &incremental).unwrap();
    assert_same(
        &recorder.tables(),
        &oracle(&simulation.corpus(), &[]),
        "healed",
    );
}

/// An endpoint that calls every page missing is as dead as one that does not answer.
#[test]
fn an_endpoint_that_knows_no_page_costs_its_own_stream_alone() {
    let (corpus, _) = site(60, 73);
    let simulation = Simulation::new(corpus.clone(), 74);
    simulation.inject_faults(&["page-gone-bare:endpoint=labels"]);
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
    assert_eq!(error.kind, Kind::Incomplete, "{error}");
    let details = details_of(&error);
    assert_eq!(details["stalled"], json!(["page_labels"]), "{error}");
    assert_eq!(details["set_aside"], json!([]));
    assert!(error.message.contains("says that it does not"), "{error}");
    let mut expected = oracle(&corpus, &[]);
    expected.remove("page_labels");
    let mut found = recorder.tables();
    found.remove("page_labels");
    assert_same(&found, &expected, "all but labels");
    let asked = asked(&simulation)[&Endpoint::Labels];
    assert!(asked < 2 * 60, "{asked}");
}

/// A space whose views are refused says nothing about an endpoint that answers nobody else.
#[test]
fn refusals_do_not_hide_that_an_endpoint_is_dead() {
    let (mut corpus, ids) = site(40, 75);
    let (refused, other) = (corpus.spaces[0].clone(), corpus.spaces[1].id.clone());
    for page in &mut corpus.pages {
        let is_refused = ids[..3].contains(&page.id);
        page.space_id
            .clone_from(if is_refused { &refused.id } else { &other });
        page.views = Some(7);
    }
    let refused = refused.key;
    let simulation = Simulation::new(corpus, 76);
    simulation.inject_faults(&[
        &format!("views-refused:space={refused}"),
        "truncated-json:endpoint=views",
    ]);
    let recorder = Recorder::new(&simulation);
    let full = every_stream(Mode::Full);
    let error = read(&simulation, &recorder, impatient(), &full).unwrap_err();
    let details = details_of(&error);
    assert_eq!(details["stalled"], json!(["page_views"]), "{error}");
    assert_eq!(details["set_aside"], json!([]));
}
