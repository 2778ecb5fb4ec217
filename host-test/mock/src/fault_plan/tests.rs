#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::endpoint::route;
use crate::{AccessPolicy, Corpus, CorpusSpec};

fn hit(fault_plan: &FaultPlan, target: &str) -> Vec<&'static str> {
    let site = Site::new(
        Corpus::generate(&CorpusSpec::default()),
        AccessPolicy::default(),
    );
    let request = IncomingRequest::get(target);
    let (entry, target) = route(&request.path);
    fault_plan
        .active_faults(&site, entry, target, &request)
        .all()
        .map(|fault| fault.kind.name())
        .collect()
}

fn fault_plan(faults: &[&str]) -> FaultPlan {
    faults
        .iter()
        .map(|fault| fault.parse::<Fault>().unwrap())
        .collect()
}

#[test]
fn faults_wait_and_end() {
    let fault_plan = fault_plan(&["500:after=1,count=2"]);
    let hits: Vec<bool> = (0..5)
        .map(|_| !hit(&fault_plan, "/wiki/api/v2/spaces").is_empty())
        .collect();
    assert_eq!(hits, [false, true, true, false, false]);
}

#[test]
fn faults_follow_each_other() {
    let fault_plan = fault_plan(&[
        "near-limit",
        "503:count=1",
        "rate-limit:count=1",
        "drip:count=1",
    ]);
    for expected in [
        vec!["near-limit", "503"],
        vec!["near-limit", "rate-limit"],
        vec!["near-limit", "drip"],
        vec!["near-limit"],
    ] {
        assert_eq!(hit(&fault_plan, "/wiki/api/v2/spaces"), expected);
    }
}

#[test]
fn faults_hit_what_they_are_about() {
    let gateway = "/ex/confluence/x/wiki/api/v2/pages/7/labels";
    for (fault, target, expected) in [
        ("500:endpoint=labels", "/wiki/api/v2/pages/7/labels", true),
        (
            "500:endpoint=labels",
            "/wiki/api/v2/pages/7/versions",
            false,
        ),
        ("500:page=7", "/wiki/api/v2/pages/7/versions", true),
        ("500:page=7", "/wiki/api/v2/pages/8/versions", false),
        ("500:page=7", "/wiki/api/v2/pages", false),
        ("500", "/_edge/tenant_info", false),
        ("missing-scope:scope=read:page:confluence", gateway, true),
        ("missing-scope", gateway, true),
        ("missing-scope", "/wiki/api/v2/pages", false),
        ("missing-scope:scope=read:user:confluence", gateway, false),
        ("scoped-on-site", gateway, false),
        ("scoped-on-site", "/wiki/api/v2/pages", true),
        (
            "views-refused",
            "/wiki/rest/api/analytics/content/7/views",
            true,
        ),
        ("views-refused", "/wiki/rest/api/content/7/state", false),
        ("page-gone", "/wiki/rest/api/content/7/state", true),
        ("page-gone", "/wiki/api/v2/pages", false),
        ("too-large-limit", "/wiki/api/v2/pages?limit=51", true),
        ("too-large-limit", "/wiki/api/v2/pages?limit=50", false),
        ("cursor-expires", "/wiki/api/v2/pages", false),
        ("cursor-expires", "/wiki/api/v2/pages?cursor=x", true),
        ("unsorted", "/wiki/api/v2/pages?sort=-modified-date", true),
        ("unsorted", "/wiki/api/v2/pages?sort=id", false),
        ("short-pages", "/wiki/rest/api/content/7/state", false),
    ] {
        assert_eq!(
            !hit(&fault_plan(&[fault]), target).is_empty(),
            expected,
            "{fault} {target}"
        );
    }
}

#[test]
fn faults_hit_every_nth_request() {
    let fault_plan = fault_plan(&["500:after=1,every=3,count=2"]);
    let hits: Vec<usize> = (0..12)
        .filter(|_| !hit(&fault_plan, "/wiki/api/v2/spaces").is_empty())
        .collect();
    assert_eq!(hits, [1, 4]);
}

#[test]
fn faults_hit_pages_of_one_space() {
    let corpus = Corpus::generate(&CorpusSpec::default());
    let (space, page) = (&corpus.spaces[0], &corpus.pages[0]);
    let other = corpus
        .pages
        .iter()
        .find(|other| other.space_id != page.space_id);
    let in_space = corpus.pages.iter().find(|page| page.space_id == space.id);
    for fault in [
        format!("views-refused:space={}", space.id),
        format!("views-refused:space={}", space.key),
    ] {
        let plan = fault_plan(&[&fault]);
        let path = |page: &Page| Endpoint::Views.path(&page.id);
        assert_eq!(hit(&plan, &path(in_space.unwrap())).len(), 1);
        let outside = [page, other.unwrap()]
            .into_iter()
            .find(|page| page.space_id != space.id);
        assert!(hit(&plan, &path(outside.unwrap())).is_empty());
        assert!(hit(&plan, "/wiki/api/v2/pages").is_empty());
    }
}
