#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::collections::HashSet;
use std::time::UNIX_EPOCH;

use super::*;
use crate::{Corpus, CorpusSpec, FaultPlan, IncomingRequest, answer_with};

fn site() -> Site {
    let mut site = Site::new(
        Corpus::generate(&CorpusSpec::default()),
        AccessPolicy::default(),
    );
    site.clock = Some(UNIX_EPOCH + Duration::from_secs(1_790_000_030));
    site
}

fn fault_plan(faults: &[&str]) -> FaultPlan {
    faults
        .iter()
        .map(|fault| fault.parse::<Fault>().unwrap())
        .collect()
}

fn get(site: &Site, fault_plan: &FaultPlan, target: &str) -> (Reply, Value) {
    let reply = answer_with(
        site,
        &IncomingRequest::get(target).with_basic(&site.access.username, &site.access.token),
        fault_plan,
    );
    let body = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply, body)
}

/// Follows at most so many next links; returns the rows of each page, and the links.
fn pages(
    site: &Site,
    fault_plan: &FaultPlan,
    target: &str,
    most: usize,
) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut pages, mut links) = (Vec::new(), vec![target.to_owned()]);
    while links.len() > pages.len() && pages.len() < most {
        let (reply, body) = get(site, fault_plan, &links[pages.len()]);
        assert_eq!(reply.status, 200, "{body}");
        pages.push(
            body["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned())
                .collect(),
        );
        links.extend(body["_links"]["next"].as_str().map(str::to_owned));
    }
    (pages, links)
}

const PAGES: &str = "/wiki/api/v2/pages?limit=100";

#[test]
fn waits_are_said_in_every_way() {
    let site = site();
    for (fault, header, expected) in [
        ("rate-limit", "retry-after", Some("1")),
        ("rate-limit:seconds=9", "retry-after", Some("9")),
        ("rate-limit-long", "retry-after", Some("1847")),
        (
            "rate-limit-date:seconds=30",
            "retry-after",
            Some("Mon, 21 Sep 2026 14:14:20 GMT"),
        ),
        (
            "rate-limit-reset",
            "x-ratelimit-reset",
            Some("2026-09-21T14:14Z"),
        ),
        ("rate-limit-reset", "retry-after", None),
        ("rate-limit-bare", "retry-after", None),
        ("rate-limit-bare", "x-ratelimit-reset", None),
        (
            "rate-limit-bare",
            "x-failure-category",
            Some("FAILURE CLIENT RATE LIMITED"),
        ),
        ("503", "retry-after", None),
        ("503:seconds=4", "retry-after", Some("4")),
        ("near-limit", "x-ratelimit-nearlimit", Some("true")),
    ] {
        let (reply, _) = get(&site, &fault_plan(&[fault]), PAGES);
        assert_eq!(
            reply
                .headers
                .get(header)
                .map(|value| value.to_str().unwrap()),
            expected,
            "{fault} {header}"
        );
    }
}

#[test]
fn listings_go_wrong_in_every_way() {
    let site = site();
    let (whole, _) = pages(&site, &fault_plan(&[]), PAGES, 99);
    let whole = whole.concat();
    let (short, _) = pages(&site, &fault_plan(&["short-pages"]), PAGES, 99);
    assert_eq!((short[0].len(), short.concat()), (34, whole.clone()));
    let (holed, _) = pages(&site, &fault_plan(&["empty-page"]), PAGES, 99);
    assert_eq!(
        holed.iter().map(Vec::len).take(3).collect::<Vec<_>>(),
        [100, 0, 100]
    );
    assert_eq!(holed.concat(), whole);
    let (empty, links) = pages(&site, &fault_plan(&["empty-pages"]), PAGES, 50);
    assert!(empty.concat().is_empty() && links.len() == 51);
    assert_eq!(
        links.iter().collect::<HashSet<_>>().len(),
        51,
        "every cursor is new"
    );
    let (_, links) = pages(&site, &fault_plan(&["cursor-circle"]), PAGES, 4);
    assert!(links[3] == links[1] && links[2] != links[1], "{links:?}");
    let (_, links) = pages(
        &site,
        &fault_plan(&["cursor-circle"]),
        "/wiki/api/v2/spaces?limit=250",
        5,
    );
    assert!(
        links[3] == links[1],
        "short listings circle, too: {links:?}"
    );
    let (unsorted, _) = pages(
        &site,
        &fault_plan(&["unsorted"]),
        "/wiki/api/v2/pages?limit=100&sort=-modified-date",
        99,
    );
    assert_eq!(unsorted.concat(), whole, "in the order of ids");
    let (_, links) = pages(
        &site,
        &fault_plan(&["foreign-next:to=http://127.0.0.1:9"]),
        PAGES,
        1,
    );
    assert!(links[1].starts_with("http://127.0.0.1:9/wiki/api/v2/pages?cursor="));
    let (reply, body) = get(&site, &fault_plan(&["no-next-but-link"]), PAGES);
    assert!(
        body["_links"].get("next").is_none()
            && reply.headers["link"]
                .to_str()
                .unwrap()
                .contains("rel=\"next\"")
    );
}

#[test]
fn cursors_and_limits_are_refused() {
    let site = site();
    let (_, links) = pages(&site, &fault_plan(&[]), PAGES, 1);
    let expiring = fault_plan(&["cursor-expires:count=1"]);
    assert_eq!(get(&site, &expiring, PAGES).0.status, 200);
    assert_eq!(get(&site, &expiring, &links[1]).0.status, 400);
    assert_eq!(get(&site, &expiring, &links[1]).0.status, 200);
    let large = fault_plan(&["too-large-limit:limit=60"]);
    assert_eq!(get(&site, &large, PAGES).0.status, 504);
    assert_eq!(
        get(&site, &large, "/wiki/api/v2/pages?limit=60").0.status,
        200
    );
}

#[test]
fn scopes_are_lost_one_by_one() {
    let site = site();
    let gateway = |path: &str| format!("/ex/confluence/{}{path}", site.corpus().cloud_id);
    let page = &site.corpus().pages[0].id;
    let lost = fault_plan(&[
        "missing-scope:scope=read:space:confluence",
        "missing-scope:scope=read:confluence-content.summary",
    ]);
    for (path, expected) in [
        ("/wiki/api/v2/spaces".to_owned(), 401),
        ("/wiki/api/v2/pages".to_owned(), 200),
        (format!("/wiki/rest/api/content/{page}/state"), 401),
        (
            format!("/wiki/rest/api/analytics/content/{page}/views"),
            401,
        ),
    ] {
        assert_eq!(
            get(&site, &lost, &gateway(&path)).0.status,
            expected,
            "{path}"
        );
    }
    assert_eq!(
        get(
            &site,
            &fault_plan(&["missing-scope"]),
            &gateway("/wiki/api/v2/pages")
        )
        .0
        .status,
        401
    );
}

#[test]
fn types_go_wrong() {
    let site = site();
    let page = site
        .corpus()
        .pages
        .iter()
        .find(|page| page.views.is_some())
        .unwrap();
    let views = format!("/wiki/rest/api/analytics/content/{}/views", page.id);
    let body = get(&site, &fault_plan(&["wrong-types"]), PAGES).1;
    assert_eq!(
        (
            &body["results"][0]["title"],
            &body["results"][0]["position"]
        ),
        (&json!(7), &Value::Null)
    );
    assert_eq!(
        get(&site, &fault_plan(&["wrong-types"]), &views).1["count"],
        "seven"
    );
    assert!(get(&site, &fault_plan(&["wrong-types:shape=object"]), PAGES).1["results"].is_object());
    assert!(
        get(&site, &fault_plan(&["wrong-types:shape=object"]), &views)
            .1
            .is_array()
    );
}
