//! A made-up site of any size: the same sizes and seed always give the same site.

use fastrand::Rng;
use serde_json::json;

use super::corpus::{Corpus, Space, User};
use super::generate_pages::pages;

/// How big a made-up site is.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Sizes {
    /// Pages of the made-up site, of every status.
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub pages: usize,
    /// Spaces of the made-up site, among them an archived and a personal one.
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub spaces: usize,
    /// Users of the made-up site.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub users: usize,
    /// Another number makes another site.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            pages: 400,
            spaces: 12,
            users: 300,
            seed: 1,
        }
    }
}

/// The first space's id; all ids are above 2^31, as on old sites.
const FIRST_SPACE: u64 = 3_000_000_000;
/// When all spaces were made, before any page.
const SPACES_MADE: &str = "2023-09-30T12:00:00.000Z";

impl Corpus {
    /// Makes up a site. At least one space and one user are made, whatever is asked for.
    #[must_use]
    pub fn generate(sizes: &Sizes) -> Self {
        let mut rng = Rng::with_seed(sizes.seed);
        let users: Vec<User> = (0..sizes.users.max(1))
            .map(|index| user(&mut rng, index))
            .collect();
        let count = sizes.spaces.max(1);
        let spaces: Vec<Space> = (0..count)
            .map(|index| space(&mut rng, index, count, &users))
            .collect();
        let pages = pages(&mut rng, sizes.pages, &spaces, &users);
        let cloud_id = format!(
            "{:08x}-0000-4000-8000-{:012x}",
            rng.u32(..),
            rng.u64(..1 << 48)
        );
        Self {
            site: "https://example.atlassian.net".to_owned(),
            cloud_id,
            spaces,
            pages,
            users,
            purged: Vec::new(),
        }
    }
}

/// An account: mostly people, some of them gone, some without an e-mail, some of them programs.
fn user(rng: &mut Rng, index: usize) -> User {
    const NAMES: [&str; 6] = [
        "Ada Lovelace",
        "Jürgen Groß",
        "李小龙",
        "Zoë O’Brien",
        "Łukasz \"Luk\" Żak",
        "Ngozi Okafor",
    ];
    let name = format!(
        "{} {index}",
        NAMES.iter().cycle().nth(index % NAMES.len()).unwrap_or(&"")
    );
    let (account_type, account_status, display_name) = match index % 20 {
        7 => ("atlassian", "inactive", format!("{name} (Deactivated)")),
        11 => ("app", "active", format!("Bot {index}")),
        13 => ("atlassian", "closed", "Former user".to_owned()),
        17 => ("customer", "active", name.clone()),
        _ => ("atlassian", "active", name.clone()),
    };
    let email = match index % 9 {
        2 => Some(String::new()),
        5 => None,
        _ => Some(format!("user{index}@example.com")),
    };
    User {
        account_id: account_id(rng, index),
        public_name: display_name.clone(),
        display_name,
        email,
        account_type: account_type.to_owned(),
        account_status: account_status.to_owned(),
        time_zone: index.is_multiple_of(4).then(|| "Europe/Berlin".to_owned()),
        personal_space_id: None,
        is_external_collaborator: index % 31 == 30,
        profile_picture: index
            .is_multiple_of(2)
            .then(|| json!({"path": "/wiki/aa-avatar/1", "isDefault": false})),
    }
}

/// An account id in one of the three shapes that are about.
fn account_id(rng: &mut Rng, index: usize) -> String {
    match index % 3 {
        0 => format!(
            "712020:{:08x}-{:04x}-4{:03x}-8{:03x}-{index:012x}",
            rng.u32(..),
            rng.u16(..),
            rng.u16(..4096),
            rng.u16(..4096)
        ),
        1 => format!("{:016x}{index:08x}", rng.u64(..) | 1 << 62),
        _ => format!("557058:{:016x}{index:08x}", rng.u64(..)),
    }
}

/// A space: the second is archived, the last is personal, the others are teams'.
fn space(rng: &mut Rng, index: usize, count: usize, users: &[User]) -> Space {
    let author = rng.choice(users).map(|user| user.account_id.clone());
    let personal = index > 1 && index + 1 == count;
    let key = match (personal, &author) {
        (true, Some(author)) => format!("~{}", author.replace([':', '-'], "")),
        _ => format!("TEAM{index}"),
    };
    Space {
        id: (FIRST_SPACE + index as u64 * 65_536).to_string(),
        name: if personal {
            "Zoë’s own".to_owned()
        } else {
            format!("Team “{index}” – Größe")
        },
        space_type: if personal { "personal" } else { "global" }.to_owned(),
        status: if index == 1 { "archived" } else { "current" }.to_owned(),
        author_id: author,
        created_at: SPACES_MADE.to_owned(),
        current_active_alias: Some(key.clone()),
        homepage_id: (index % 4 != 3)
            .then(|| (FIRST_SPACE + index as u64 * 65_536 + 99).to_string()),
        description: index
            .is_multiple_of(3)
            .then(|| json!({"plain": {"representation": "plain", "value": "What we do"}})),
        icon: (index % 3 == 1)
            .then(|| json!({"path": "/wiki/download/icon", "apiDownloadLink": "/wiki/rest/icon"})),
        links: Some(json!({"webui": format!("/spaces/{key}")})),
        key,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::too_many_lines, clippy::unwrap_used, clippy::indexing_slicing)]
    use std::collections::HashSet;

    use super::*;
    use crate::corpus::Page;

    fn count(corpus: &Corpus, which: impl Fn(&Page) -> bool) -> usize {
        corpus.pages.iter().filter(|page| which(page)).count()
    }

    #[test]
    fn the_same_seed_gives_the_same_site() {
        let sizes = Sizes::default();
        assert_eq!(Corpus::generate(&sizes), Corpus::generate(&sizes));
        assert_ne!(
            Corpus::generate(&sizes),
            Corpus::generate(&Sizes { seed: 2, ..sizes })
        );
    }

    #[test]
    fn the_default_site_has_every_oddity() {
        let corpus = Corpus::generate(&Sizes::default());
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
        let corpus = Corpus::generate(&Sizes::default());
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
            let corpus = Corpus::generate(&Sizes {
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
        let large = Corpus::generate(&Sizes {
            pages: 100_000,
            spaces: 40,
            users: 2_000,
            seed: 1,
        });
        let few = count(&large, |page| page.versions.len() <= 4);
        assert!(few > 90_000 && few < 100_000, "{few}");
        assert_eq!(count(&large, |page| page.versions.len() > 250), 3);
    }
}
