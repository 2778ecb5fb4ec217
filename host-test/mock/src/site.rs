//! A corpus with what is needed to answer from it quickly: ids looked up and orders sorted once.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::SystemTime;

use jiff::Timestamp;

use super::access::{AccessPolicy, Visibility};
use super::corpus::{Corpus, Page, User};

/// A site: its corpus, who may see it, and what time it is there.
#[derive(Debug)]
pub struct Site {
    corpus: Corpus,
    index: Index,
    /// Who may see what.
    pub access: AccessPolicy,
    /// The time of the `Date` header and of limits that end; now when it is not given.
    pub clock: Option<SystemTime>,
}

/// What pages can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageOrder {
    Id,
    Created,
    Modified,
    Title,
}

impl PageOrder {
    /// The order that a sort field means.
    pub(super) fn of(field: &str) -> Self {
        match field {
            "created-date" => Self::Created,
            "modified-date" => Self::Modified,
            "title" => Self::Title,
            _ => Self::Id,
        }
    }
}

/// A page's sort keys as numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PageKeys {
    pub(super) id: u64,
    pub(super) space: u64,
    /// Milliseconds since 1970.
    pub(super) created: i64,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
}

#[derive(Debug, Default)]
struct Index {
    keys: Vec<PageKeys>,
    pages: HashMap<u64, u32>,
    users: HashMap<String, u32>,
    orders: [OnceLock<Vec<u32>>; 4],
}

/// An id as a number; 0, which no id is, when it is none.
pub(super) fn number(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

/// A time in milliseconds since 1970; 0 when it is none.
pub(super) fn milliseconds(time: &str) -> i64 {
    time.parse::<Timestamp>()
        .map_or(0, Timestamp::as_millisecond)
}

/// The positions of a slice.
pub(super) fn positions<T>(items: &[T]) -> std::ops::Range<u32> {
    0..u32::try_from(items.len()).unwrap_or(u32::MAX)
}

impl Index {
    fn of(corpus: &Corpus) -> Self {
        let key = |page: &Page| PageKeys {
            id: number(&page.id),
            space: number(&page.space_id),
            created: milliseconds(&page.created_at),
            modified: milliseconds(page.modified_at()),
        };
        let keys: Vec<PageKeys> = corpus.pages.iter().map(key).collect();
        let pages = keys.iter().map(|keys| keys.id).zip(0..).collect();
        let users = corpus
            .users
            .iter()
            .map(|user| user.account_id.clone())
            .zip(0..)
            .collect();
        Self {
            keys,
            pages,
            users,
            orders: Default::default(),
        }
    }
}

impl Site {
    /// Makes a site of a corpus.
    #[must_use]
    pub fn new(corpus: Corpus, access: AccessPolicy) -> Self {
        let index = Index::of(&corpus);
        Self {
            corpus,
            index,
            access,
            clock: None,
        }
    }

    /// What the site holds.
    #[must_use]
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// Changes what the site holds.
    pub fn edit<T>(&mut self, change: impl FnOnce(&mut Corpus) -> T) -> T {
        let result = change(&mut self.corpus);
        self.index = Index::of(&self.corpus);
        result
    }

    /// What time it is.
    pub(super) fn now(&self) -> SystemTime {
        self.clock.unwrap_or_else(SystemTime::now)
    }

    /// The address that links are relative to.
    pub(super) fn base(&self) -> String {
        format!("{}/wiki", self.corpus.site)
    }

    /// The positions of all pages, sorted by this order and then by id, ascending.
    pub(super) fn pages_by(&self, order: PageOrder) -> &[u32] {
        let [id, created, modified, title] = &self.index.orders;
        match order {
            PageOrder::Id => id.get_or_init(|| self.sorted(|keys, _| keys.id)),
            PageOrder::Created => {
                created.get_or_init(|| self.sorted(|keys, _| (keys.created, keys.id)))
            }
            PageOrder::Modified => {
                modified.get_or_init(|| self.sorted(|keys, _| (keys.modified, keys.id)))
            }
            PageOrder::Title => title.get_or_init(|| {
                self.sorted(|keys, page| (page.map(|page| page.title.as_str()), keys.id))
            }),
        }
    }

    fn sorted<'a, K: Ord>(&'a self, key: impl Fn(PageKeys, Option<&'a Page>) -> K) -> Vec<u32> {
        let mut order: Vec<u32> = positions(&self.corpus.pages).collect();
        order.sort_by_key(|&at| key(self.page_keys(at), self.page_at(at)));
        order
    }

    pub(super) fn page_at(&self, at: u32) -> Option<&Page> {
        self.corpus.pages.get(at as usize)
    }

    pub(super) fn page_keys(&self, at: u32) -> PageKeys {
        self.index
            .keys
            .get(at as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The page of this id.
    pub(super) fn page(&self, id: &str) -> Option<&Page> {
        self.page_at(*self.index.pages.get(&number(id))?)
    }

    /// The page of this id, if the visibility contains it.
    pub(super) fn visible_page(&self, id: &str, visibility: Visibility) -> Option<&Page> {
        let &at = self.index.pages.get(&number(id))?;
        self.shows(visibility, self.page_keys(at).space)
            .then(|| self.page_at(at))?
    }

    /// Whether a visibility contains a space.
    pub(super) fn shows(&self, visibility: Visibility, space: u64) -> bool {
        match visibility {
            Visibility::All => {
                let hidden = &self.access.hidden_spaces;
                hidden.is_empty() || hidden.iter().all(|id| number(id) != space)
            }
            Visibility::Public => self
                .corpus
                .spaces
                .first()
                .is_some_and(|first| number(&first.id) == space),
            Visibility::Nothing => false,
        }
    }

    pub(super) fn user(&self, account_id: &str) -> Option<&User> {
        self.corpus
            .users
            .get(*self.index.users.get(account_id)? as usize)
    }
}
