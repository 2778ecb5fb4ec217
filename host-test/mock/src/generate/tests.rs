#![allow(clippy::too_many_lines, clippy::unwrap_used, clippy::indexing_slicing)]
use std::collections::HashSet;

use super::*;
use crate::corpus::Page;

fn count(corpus: &Corpus, which: impl Fn(&Page) -> bool) -> usize {
    corpus.pages.iter().filter(|page| which(page)).count()
}

#[test]
fn the_same_seed_gives_the_same_site() {
    let spec = CorpusSpec::default();
    assert_eq!(Corpus::generate(&spec), Corpus::generate(&spec));
    assert_ne!(
        Corpus::generate(&spec),
        Corpus::generate(&CorpusSpec { seed: 2, ..spec })
    );
}

#[test]
fn the_default_site_has_every_oddity() {
    let corpus = Corpus::generate(&CorpusSpec::default());
    let users: HashSet<&str> = corpus
        .users
        .iter()
        .map(|user| user.account_id.as_str())
        .collect();
    let known = |id: &Option<String>| id.as_ref().is_none_or(|id| users.contains(id.as_str()));
    for (what, found) in [
        (
            "archived pages",
            count(&corpus, |page| page.status == "archived"),
        ),
        (
            "trashed pages",
            count(&corpus, |page| page.status == "trashed"),
        ),
        (
            "more than 250 labels",
            count(&corpus, |page| page.labels.len() > 250),
        ),
        (
            "more than 25 labels",
            count(&corpus, |page| page.labels.len() > 25),
        ),
        (
            "nothing at all",
            count(&corpus, |page| {
                page.labels.is_empty() && page.views == Some(0) && page.state.is_none()
            }),
        ),
        (
            "a removed state",
            count(&corpus, |page| {
                page.state
                    .as_ref()
                    .is_some_and(|state| state.content_state.is_none())
            }),
        ),
        (
            "a state",
            count(&corpus, |page| {
                page.state
                    .as_ref()
                    .is_some_and(|state| state.content_state.is_some())
            }),
        ),
        ("no analytics", count(&corpus, |page| page.views.is_none())),
        ("no owner", count(&corpus, |page| page.owner_id.is_none())),
        ("no parent", count(&corpus, |page| page.parent_id.is_none())),
        (
            "a parent folder",
            count(&corpus, |page| {
                page.parent_type.as_deref() == Some("folder")
            }),
        ),
        (
            "no position",
            count(&corpus, |page| page.position.is_none()),
        ),
        (
            "fields left out",
            count(&corpus, |page| !page.omitted.is_empty()),
        ),
        ("quotes", count(&corpus, |page| page.title.contains('"'))),
        (
            "line breaks",
            count(&corpus, |page| page.title.contains('\n')),
        ),
        (
            "other scripts",
            count(&corpus, |page| !page.title.is_ascii()),
        ),
        (
            "null authors",
            count(&corpus, |page| {
                page.versions
                    .iter()
                    .any(|version| version.author_id.is_none())
            }),
        ),
        (
            "null messages",
            count(&corpus, |page| {
                page.versions
                    .iter()
                    .any(|version| version.message.is_none())
            }),
        ),
        (
            "unknown authors",
            count(&corpus, |page| {
                page.versions
                    .iter()
                    .any(|version| !known(&version.author_id))
            }),
        ),
        (
            "archived spaces",
            corpus
                .spaces
                .iter()
                .filter(|space| space.status == "archived")
                .count(),
        ),
        (
            "personal spaces with an address as key",
            corpus
                .spaces
                .iter()
                .filter(|space| space.key.starts_with('~') && space.key.contains('@'))
                .count(),
        ),
        (
            "empty e-mails",
            corpus
                .users
                .iter()
                .filter(|user| user.email.as_deref() == Some(""))
                .count(),
        ),
        (
            "no e-mails",
            corpus
                .users
                .iter()
                .filter(|user| user.email.is_none())
                .count(),
        ),
        (
            "apps",
            corpus
                .users
                .iter()
                .filter(|user| user.account_type == "app")
                .count(),
        ),
        (
            "closed",
            corpus
                .users
                .iter()
                .filter(|user| user.account_status == "closed")
                .count(),
        ),
        (
            "deactivated",
            corpus
                .users
                .iter()
                .filter(|user| user.account_status == "inactive")
                .count(),
        ),
    ] {
        assert!(found > 0, "no {what}");
    }
    assert_eq!(count(&corpus, |page| page.versions.len() > 250), 3);
    let mut ids: Vec<u64> = corpus
        .pages
        .iter()
        .map(|page| page.id.parse().unwrap())
        .collect();
    assert!(ids.is_sorted() && ids[0] < 1 << 32 && ids[399] > 1 << 32);
    ids.dedup();
    assert_eq!(ids.len(), 400);
}

#[test]
fn times_follow_the_order_of_things() {
    let corpus = Corpus::generate(&CorpusSpec::default());
    let millis = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let made: Vec<i64> = corpus
        .pages
        .iter()
        .map(|page| millis(&page.created_at))
        .collect();
    assert!(made.is_sorted());
    let mut seen = HashSet::new();
    let (mut drafted, mut short) = (0, 0);
    for page in &corpus.pages {
        let delay = millis(&page.versions[0].created_at) - millis(&page.created_at);
        assert!((0..6_000).contains(&delay));
        drafted += usize::from(delay > 0);
        let times: Vec<i64> = page
            .versions
            .iter()
            .map(|version| millis(&version.created_at))
            .collect();
        assert!(times.is_sorted());
        for version in &page.versions {
            assert!(seen.insert(&version.created_at));
            short += usize::from(version.created_at.len() == 20);
            assert!(
                matches!(version.created_at.len(), 20 | 24) && version.created_at.ends_with('Z')
            );
            assert!(
                version.created_at.as_str() < "2026-10-01"
                    && version.created_at.as_str() > "2023-09-30"
            );
        }
    }
    assert!(drafted > 50 && short > 50, "{drafted} {short}");
}

#[test]
fn rows_are_as_large_as_measured_ones() {
    let site = crate::Site::new(
        Corpus::generate(&CorpusSpec::default()),
        crate::AccessPolicy::default(),
    );
    for (path, expected) in [
        ("/wiki/api/v2/pages", 700..820),
        ("/wiki/api/v2/spaces", 390..470),
    ] {
        let request = crate::IncomingRequest::get(&format!("{path}?limit=250"))
            .with_basic(&site.access.username, &site.access.token);
        let body = crate::answer(&site, &request).body;
        let rows = serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        let row_bytes = body.len() / rows["results"].as_array().unwrap().len();
        assert!(
            expected.contains(&row_bytes),
            "{path}: {row_bytes} bytes a row"
        );
    }
}

#[test]
fn small_and_large_sites_can_be_made() {
    for pages in [0, 1, 2, 7] {
        let corpus = Corpus::generate(&CorpusSpec {
            pages,
            spaces: 0,
            users: 0,
            seed: 9,
        });
        assert_eq!(
            (corpus.pages.len(), corpus.spaces.len(), corpus.users.len()),
            (pages, 1, 1)
        );
    }
    let large = Corpus::generate(&CorpusSpec {
        pages: 100_000,
        spaces: 40,
        users: 2_000,
        seed: 1,
    });
    let few = count(&large, |page| page.versions.len() <= 4);
    assert!(few > 90_000 && few < 100_000, "{few}");
    assert_eq!(count(&large, |page| page.versions.len() > 250), 3);
}
