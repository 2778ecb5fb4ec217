//! Listings from their first page to their end, and those that have none.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::client::Response;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::testing::{Simulation, response, small_site};

fn simulation() -> Simulation {
    Simulation::new(small_site(0, 1), 0)
}

fn config(simulation: &Simulation) -> Config {
    Config::parse(&simulation.config(json!({}))).unwrap()
}

/// A page with these ids, and a link to the next one unless the cursor is empty.
fn page<I: ToString>(ids: impl IntoIterator<Item = I>, cursor: &str) -> Response {
    let link = format!("/wiki/api/v2/pages?cursor={cursor}");
    let next = (!cursor.is_empty()).then_some(link);
    let links = json!({ "next": next, "base": "https://site.example/wiki" });
    page_with(ids, &json!({ "_links": links }), &[])
}

fn page_with<I: ToString>(
    ids: impl IntoIterator<Item = I>,
    rest: &serde_json::Value,
    headers: &[(&str, &str)],
) -> Response {
    let rows = ids.into_iter().map(|id| json!({ "id": id.to_string() }));
    let mut body = rest.clone();
    body["results"] = rows.collect();
    response(200, headers, &body.to_string())
}

fn no_ids() -> [u32; 0] {
    []
}

/// All pages of a listing, as lists of ids, and the error that ended it.
fn read(
    simulation: &Simulation,
    mut listing: Listing<PageRow>,
    answers: impl IntoIterator<Item = Response>,
) -> (Vec<Vec<String>>, Option<RequestError>) {
    simulation.script(Endpoint::Pages, answers);
    let config = config(simulation);
    let client = Client::new(simulation, &config);
    let mut pages = Vec::new();
    simulation.run(async {
        loop {
            match listing.next(&client).await {
                Ok(Some(page)) => {
                    pages.push(page.rows.into_iter().map(|row| row.source_id).collect());
                }
                Ok(None) => return (pages, None),
                Err(error) => return (pages, Some(error)),
            }
        }
    })
}

fn listing(limit: u32) -> Listing<PageRow> {
    Listing::new("", limit, None)
}

#[track_caller]
fn assert_ends_with(error: Option<RequestError>, words: &str) {
    let Some(RequestError::Fatal(error)) = error else {
        panic!("{error:?}")
    };
    assert!(error.message.contains(words), "{error}");
}

/// A link may lead elsewhere, with other parameters: the credentials and the filters go where they went before.
#[test]
fn only_the_cursor_of_a_next_link_is_used() {
    let simulation = simulation();
    let elsewhere = "http://elsewhere.example/x?cursor=a%2Bb%3D&limit=1&sort=-id";
    let first = page_with([1], &json!({ "_links": { "next": elsewhere } }), &[]);
    let listing = Listing::new("sort=id&status=current", 250, None);
    let (pages, error) = read(&simulation, listing, [first, page([2], "")]);
    assert_eq!((pages.concat().len(), error), (2, None));
    let sent = simulation.sent();
    assert!(sent.iter().all(|sent| sent.path == "/wiki/api/v2/pages"));
    let queries = sent.iter().map(|sent| sent.query.as_str());
    assert!(queries.eq([
        "sort=id&status=current&limit=250",
        "sort=id&status=current&cursor=a%2Bb%3D&limit=250",
    ]));
}

#[test]
fn a_listing_goes_on_from_a_cursor_and_ends_once() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    let mut listing = Listing::<PageRow>::new("", 5, Some("a/b".to_owned()));
    simulation.script(Endpoint::Pages, [page([1], "next"), page(no_ids(), "")]);
    simulation.run(async {
        let first = listing.next(&client).await.unwrap().unwrap();
        assert_eq!(first.next.as_deref(), Some("next"));
        let last = listing.next(&client).await.unwrap().unwrap();
        assert_eq!((last.rows.len(), last.next), (0, None));
        for _ in 0..2 {
            assert!(listing.next(&client).await.unwrap().is_none());
        }
    });
    let queries = simulation.sent().into_iter().map(|sent| sent.query);
    assert!(queries.eq(["cursor=a%2Fb&limit=5", "cursor=next&limit=5"]));
}

#[test]
fn an_id_in_a_path_leads_nowhere_else() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    let page_ref = PageRef {
        id: "7/../8?x",
        space_id: None,
    };
    let mut listing = Listing::<LabelRow>::of_page(page_ref, 5);
    simulation.script(Endpoint::Labels, [page([1], "")]);
    let read = simulation.run(listing.next(&client)).unwrap().unwrap();
    let label = read.rows.first().unwrap();
    assert_eq!((&*label.page_id, &*label.source_id), ("7/../8?x", "1"));
    let path = simulation.sent().pop().unwrap().path;
    assert_eq!(path, "/wiki/api/v2/pages/7%2F%2E%2E%2F8%3Fx/labels");
}

#[test]
fn empty_pages_are_followed_but_not_for_ever() {
    let empty = |count: u32, name: &str| -> Vec<Response> {
        let cursors = (0..count).map(|index| format!("{name}{index}"));
        cursors.map(|cursor| page(no_ids(), &cursor)).collect()
    };
    let rows_between = [
        empty(50, "a"),
        vec![page([1], "b")],
        empty(50, "c"),
        vec![page([2], "")],
    ];
    let (pages, error) = read(&simulation(), listing(5), rows_between.concat());
    assert_eq!((pages.concat().len(), error), (2, None));
    // The last one is asked for twice more.
    let (pages, error) = read(&simulation(), listing(5), empty(53, "a"));
    assert_eq!(pages.len(), 50);
    assert_ends_with(error, "one empty page after the other");
}

#[test]
fn a_listing_that_leads_nowhere_ends_with_an_error() {
    let long = "x".repeat(8 * 1024 + 1);
    let same = (0..10).map(|index| page([1], &format!("c{index}")));
    for (accepted, last, words) in [
        (
            vec![page([1], "a")],
            page([2], "a"),
            "a cursor that was seen before",
        ),
        (
            vec![page([1], "a"), page([2], "b")],
            page([3], "a"),
            "a cursor that was seen before",
        ),
        (vec![], page([1], &long), "a cursor of more than 8 KiB"),
        (
            same.collect(),
            page([1], "more"),
            "the same rows again and again",
        ),
    ] {
        let expected = accepted.len();
        let answers = accepted.into_iter().chain(vec![last; 3]);
        let (pages, error) = read(&simulation(), listing(5), answers);
        assert_eq!(pages.len(), expected, "{words}");
        assert_ends_with(error, words);
    }
}

/// However long the circle is, and however many empty pages lie in it: cursors that are always new do not hide it.
#[test]
fn a_listing_that_repeats_itself_ends() {
    for (rows, empty) in [(1, 0), (2, 0), (11, 0), (13, 1), (1, 39)] {
        let answer = |number: usize| {
            let ids = number
                .is_multiple_of(empty + 1)
                .then_some(1 + number / (empty + 1) % rows);
            page(ids, &format!("c{number}"))
        };
        let accepted = (rows + 9) * (empty + 1);
        let answers = (0..accepted).map(answer);
        let answers = answers.chain(vec![answer(accepted); 3]);
        let (pages, error) = read(&simulation(), listing(5), answers);
        assert_ends_with(error, "the same rows again and again");
        assert_eq!(pages.len(), accepted);
    }
}

/// What is wrong with one answer may be right in the next one; rows of the refused answer are not kept.
#[test]
fn a_page_that_is_refused_is_asked_for_again() {
    let circle = page([2], "a");
    let unreadable = page_with([2], &json!({ "_links": 5 }), &[]);
    let unsaid = page_with([2, 3, 4, 5, 6], &json!({}), &[]);
    let unreadable_key = page(["2", "?"], "b");
    for refused in [circle, unreadable, unsaid, unreadable_key] {
        let answers = [page([1], "a"), refused, page([2, 3], "b"), page([4], "")];
        let (pages, error) = read(&simulation(), listing(5), answers);
        assert_eq!(error, None);
        assert_eq!(pages.concat(), ["1", "2", "3", "4"]);
    }
}

#[test]
fn a_row_whose_key_stays_unreadable_is_counted() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    simulation.script(Endpoint::Pages, vec![page(["1", "?", "!"], ""); 2]);
    let page = simulation.run(listing(5).next(&client)).unwrap().unwrap();
    assert_eq!((page.rows.len(), page.unusable), (1, 2));
}

#[test]
fn a_full_page_has_to_say_whether_it_is_the_last() {
    let base = [("Link", r#"<https://site.example/wiki>; rel="base""#)];
    let empty = [("Link", "")];
    let preload = [("Link", "</x.css>; rel=preload")];
    let no_text = json!({ "_links": { "next": "" } });
    // How often a page is asked for, and whether it is taken for the last one then.
    for (limit, rows, rest, headers, asked, is_end, why) in [
        (5, 5, json!({}), &[][..], 3, false, "full, and no links"),
        (5, 4, json!({}), &[], 2, true, "not full"),
        (5, 4, no_text.clone(), &[], 2, true, "an empty next link"),
        (5, 5, no_text, &[], 3, false, "full, an empty next link"),
        (250, 25, json!({}), &[], 3, false, "as the service cuts it"),
        (250, 24, json!({}), &[], 2, true, "fewer than that"),
        (5, 4, json!({}), &empty, 2, true, "an empty header"),
        (1, 1, json!({}), &[], 3, false, "a full page of one row"),
        (5, 5, json!({ "_links": {} }), &[], 1, true, "no next link"),
        (5, 5, json!({}), &base, 1, true, "none in the header"),
        (5, 5, json!({}), &preload, 3, false, "another link"),
    ] {
        let simulation = simulation();
        let answer = page_with(1..=rows, &rest, headers);
        let (pages, error) = read(&simulation, listing(limit), vec![answer; asked]);
        assert_eq!(simulation.sent().len(), asked, "{why}");
        assert_eq!(pages.concat().len(), if is_end { rows } else { 0 }, "{why}");
        assert_eq!(error.is_none(), is_end, "{why}: {error:?}");
    }
    let probe = Listing::<PageRow>::probe("sort=id");
    let (pages, error) = read(
        &simulation(),
        probe,
        vec![page_with(1..=1, &json!({}), &[])],
    );
    assert_eq!((pages.concat().len(), error), (1, None), "a probe");
}

/// Listings that said where they end are known: a page without links is none of their ends. Where none does, one doubt
/// is enough.
#[test]
fn an_end_without_links_is_judged_by_the_ends_before() {
    let said = || page([1], "");
    let unsaid = || page_with([2], &json!({}), &[]);
    for (answers, expected, why) in [
        (vec![said(), unsaid(), page([2], "")], 2, "it passes"),
        (vec![said(), unsaid(), unsaid(), unsaid()], 1, "it stays"),
        (vec![unsaid(), unsaid(), unsaid(), unsaid()], 3, "a habit"),
    ] {
        let simulation = simulation();
        let config = config(&simulation);
        let client = Client::new(&simulation, &config);
        let asked = answers.len();
        simulation.script(Endpoint::Pages, answers);
        let ends = simulation.run(async {
            let mut ends = 0;
            while simulation.sent().len() < asked && listing(5).next(&client).await.is_ok() {
                ends += 1;
            }
            ends
        });
        assert_eq!((ends, simulation.sent().len()), (expected, asked), "{why}");
    }
}

/// A page of one row, which finds out whether the service answers, is no end that others are judged by.
#[test]
fn a_probe_does_not_change_how_ends_are_judged() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    let unsaid = || page_with([2], &json!({}), &[]);
    for (limit, answers, is_good) in [
        (5, vec![page([1], "")], true),
        (1, vec![unsaid()], true),
        (5, vec![unsaid(), unsaid(), unsaid()], false),
    ] {
        simulation.script(Endpoint::Pages, answers);
        let read = simulation.run(listing(limit).next(&client));
        assert_eq!(read.is_ok(), is_good, "limit {limit}");
    }
}

#[test]
fn the_labels_of_a_page_may_end_without_links() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    let page_ref = PageRef {
        id: "7",
        space_id: None,
    };
    for answer in [page([1], ""), page_with([2], &json!({}), &[])] {
        simulation.script(Endpoint::Labels, [answer]);
        let mut listing = Listing::<LabelRow>::of_page(page_ref, 5);
        let read = simulation.run(listing.next(&client)).unwrap().unwrap();
        assert_eq!((read.rows.len(), read.next), (1, None));
    }
}

#[test]
fn the_address_of_a_page_needs_the_site_from_body_or_header() {
    let row = json!({ "id": "1", "_links": { "webui": "/spaces/A/pages/1" } });
    let base = "https://site.example/wiki";
    let header = format!("<{base}>; rel=base");
    for (links, headers) in [
        (json!({ "base": base }), &[][..]),
        (json!({}), &[("Link", header.as_str())]),
        (json!(null), &[("Link", header.as_str())]),
    ] {
        let simulation = simulation();
        let config = config(&simulation);
        let client = Client::new(&simulation, &config);
        let body = json!({ "results": [row], "_links": links }).to_string();
        simulation.script(Endpoint::Pages, [response(200, headers, &body)]);
        let read = simulation.run(listing(5).next(&client)).unwrap().unwrap();
        let url = read.rows[0].source_url.as_deref();
        assert_eq!(url, Some("https://site.example/wiki/spaces/A/pages/1"));
    }
}

#[test]
fn only_a_refused_cursor_calls_for_a_restart() {
    let refusal = |status| response(status, &[], "");
    for status in [400, 410] {
        let answers = [page([1], "a"), refusal(status)];
        let (pages, error) = read(&simulation(), listing(5), answers);
        assert_eq!(pages.len(), 1);
        assert!(matches!(error, Some(RequestError::CursorRefused(_))));
        let (_, error) = read(&simulation(), listing(5), [refusal(status)]);
        assert!(matches!(error, Some(RequestError::Fatal(_))), "{error:?}");
    }
}

/// A service that was overloaded once is not asked for so many rows again.
#[test]
fn a_reduced_page_size_stays() {
    let simulation = simulation();
    let answers = [
        page([1], "a"),
        response(504, &[], ""),
        page([2], "b"),
        page([3], ""),
    ];
    let (pages, error) = read(&simulation, listing(100), answers);
    assert_eq!((pages.concat().len(), error), (3, None));
    let queries = simulation.sent().into_iter().map(|sent| sent.query);
    assert!(queries.eq([
        "limit=100",
        "cursor=a&limit=100",
        "cursor=a&limit=50",
        "cursor=b&limit=50",
    ]));
}

#[test]
fn the_first_rows_are_behind_empty_pages() {
    let empty = |cursor| page(no_ids(), cursor);
    for (answers, expected) in [
        (vec![page([1, 2], "a")], &["1", "2"][..]),
        (vec![empty("a"), empty("b"), page([3], "c")], &["3"]),
        (vec![empty("a"), empty("")], &[]),
    ] {
        let simulation = simulation();
        let config = config(&simulation);
        let client = Client::new(&simulation, &config);
        simulation.script(Endpoint::Pages, answers);
        let rows = simulation.run(listing(5).first_rows(&client)).unwrap();
        let ids = rows.iter().map(|row| row.source_id.as_str());
        assert!(ids.eq(expected.iter().copied()));
    }
}

/// Where a page's next link stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Body,
    Header,
    Both,
}

fn a_page() -> impl Strategy<Value = (usize, Place)> {
    let place = prop::sample::select(vec![Place::Body, Place::Header, Place::Both]);
    (0_usize..5, place)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_into_pages_yields_the_same_rows(
        pages in prop::collection::vec(a_page(), 1..12),
        cursor in "[A-Za-z0-9+/=%&# ]{1,20}",
    ) {
        let mut answers = Vec::new();
        let mut rows = 0;
        for (index, (size, place)) in pages.iter().enumerate() {
            let ids = rows..rows + size;
            rows += size;
            let cursor = format!("{cursor}{index}");
            let cursor = utf8_percent_encode(&cursor, NON_ALPHANUMERIC);
            let link = format!("/x?limit=5&cursor={cursor}");
            let header = format!("<{link}>; rel=\"next\"");
            let in_body = json!({ "_links": { "next": link } });
            let is_last = index + 1 == pages.len();
            let (rest, headers) = match place {
                _ if is_last => (json!({ "_links": {} }), None),
                Place::Body => (in_body, None),
                Place::Header => (json!({}), Some(("Link", header.as_str()))),
                Place::Both => (in_body, Some(("Link", header.as_str()))),
            };
            answers.push(page_with(ids, &rest, headers.as_slice()));
        }
        let simulation = simulation();
        let (read, error) = read(&simulation, listing(5), answers);
        prop_assert_eq!(error, None);
        let expected: Vec<_> = (0..rows).map(|id| id.to_string()).collect();
        prop_assert_eq!(read.concat(), expected);
    }
}

/// Pages that are empty at first, and lead in a circle.
#[test]
fn a_circle_of_pages_that_are_requested_again_ends() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    let empty: [u32; 0] = [];
    let answers = [
        page(empty, "a"),
        page([1], "a"),
        page(empty, "b"),
        page([2], "b"),
    ];
    simulation.script(Endpoint::Pages, answers);
    simulation.script(Endpoint::Pages, vec![page([3], "a"); 3]);
    let mut listing = listing(5);
    let error = simulation.run(async {
        for cursor in [None, Some("a".to_owned())] {
            listing.next(&client).await.unwrap();
            listing.go_back(cursor);
            listing.next(&client).await.unwrap();
        }
        listing.next(&client).await.unwrap_err()
    });
    assert_ends_with(Some(error), "seen before");
}

/// New cursors without end, each page empty at first, and always the same rows.
#[test]
fn the_same_rows_behind_empty_pages_end() {
    let simulation = simulation();
    let config = config(&simulation);
    let client = Client::new(&simulation, &config);
    let empty: [u32; 0] = [];
    let cursors: Vec<_> = (0..11).map(|number| format!("c{number}")).collect();
    let answers = cursors.iter().take(10);
    let answers = answers.flat_map(|next| [page(empty, next), page([1], next)]);
    let answers: Vec<_> = answers.chain(vec![page([1], "c10"); 3]).collect();
    simulation.script(Endpoint::Pages, answers);
    let mut listing = listing(5);
    let error = simulation.run(async {
        let mut cursor = None;
        for next in cursors.iter().take(10) {
            listing.next(&client).await.unwrap();
            listing.go_back(cursor);
            listing.next(&client).await.unwrap();
            cursor = Some(next.clone());
        }
        listing.next(&client).await.unwrap_err()
    });
    assert_ends_with(Some(error), "same rows");
}
