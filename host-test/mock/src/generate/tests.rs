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
            "personal spaces",
            corpus
                .spaces
                .iter()
                .filter(|space| space.key.starts_with('~'))
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
    assert!(ids.is_sorted() && ids[0] > 1 << 31);
    ids.dedup();
    assert_eq!(ids.len(), 400);
}

#[test]
fn times_differ_and_follow_the_order_of_things() {
    let corpus = Corpus::generate(&CorpusSpec::default());
    assert!(corpus.pages.iter().map(|page| &page.created_at).is_sorted());
    let mut seen = HashSet::new();
    for page in &corpus.pages {
        assert_eq!(page.created_at, page.versions[0].created_at);
        assert!(
            page.versions
                .iter()
                .map(|version| &version.created_at)
                .is_sorted()
        );
        for version in &page.versions {
            assert!(seen.insert(&version.created_at));
            assert!(version.created_at.len() == 24 && version.created_at.ends_with('Z'));
            assert!(
                version.created_at.as_str() < "2026-10-01"
                    && version.created_at.as_str() > "2023-09-30"
            );
        }
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
