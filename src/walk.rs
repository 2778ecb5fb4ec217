//! The way through the listings of a plan: rows and marks, in order, from any place on.

use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::http::Platform;
use crate::http::call::CallError;
use crate::http::client::Client;
use crate::paging::{Listing, MAX_RESTARTS, Page};
use crate::plan::Step;
use crate::sink::{Note, Sink};
use crate::state::Place;
use crate::timestamp::Timestamp;

/// Pairs of rows in their order from which on it is believed: by chance, so many are in one case of 362,880.
const ENOUGH_PAIRS: u32 = 8;

/// What the walk comes upon.
#[derive(Debug)]
pub enum Piece {
    /// A page of the listing of spaces.
    Spaces(Vec<SpaceRow>),
    /// A page, with its sort key where the listing is sorted.
    Page(Box<PageRow>, Option<String>),
    /// The end of a page of a listing, and whether any row was listed so far.
    Mark(Place, bool),
    /// The listing by modification isn't in that order. Nothing follows.
    Disorder,
    /// Accounts to look up.
    Accounts(Vec<String>),
}

/// A walk under way.
pub struct Walk<'a, P, S> {
    client: &'a Client<'a, P, S>,
    steps: &'a [Step],
    place: Place,
    listing: Option<Listing>,
    restarts: u32,
    /// The last row listed, behind which a listing that starts again goes on.
    last: Option<Key>,
    /// The row before, for the order.
    previous: Option<Key>,
    /// Rows up to this one were delivered.
    skip: Option<Key>,
    /// Whether the listing under way is sorted as it should be.
    sorted: bool,
    /// Pairs of rows whose order was looked at.
    compared: u32,
    listed: bool,
}

/// What a listing of pages is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id(u64),
    Modified(Timestamp),
}

impl Key {
    fn of(page: &PageRow, step: &Step) -> Option<Self> {
        match step.since {
            Some(_) => page.modified.map(Self::Modified),
            None => page.source_id.parse().ok().map(Self::Id),
        }
    }

    fn parse(text: &str, step: &Step) -> Option<Self> {
        match step.since {
            Some(_) => text
                .parse()
                .ok()
                .map(Timestamp::from_millis)
                .map(Self::Modified),
            None => text.parse().ok().map(Self::Id),
        }
    }

    fn to_text(self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Modified(time) => time.millis().to_string(),
        }
    }

    /// Whether a row with this key may stand before one with that.
    fn may_precede(self, other: Self) -> bool {
        match (self, other) {
            (Self::Id(this), Self::Id(that)) => this <= that,
            (Self::Modified(this), Self::Modified(that)) => this >= that,
            _ => false,
        }
    }

    /// Whether a row with this key was delivered when the last one delivered had that. Of several rows
    /// modified at the same instant it can't be told.
    fn was_delivered(self, last: Self) -> bool {
        match (self, last) {
            (Self::Id(this), Self::Id(last)) => this <= last,
            (Self::Modified(this), Self::Modified(last)) => this > last,
            _ => false,
        }
    }
}

impl<'a, P: Platform, S: Sink> Walk<'a, P, S> {
    /// A walk through `steps` from `place` on.
    pub fn new(client: &'a Client<'a, P, S>, steps: &'a [Step], place: Place) -> Self {
        let passed = steps.get(place.step).zip(place.passed.as_deref());
        let passed = passed.and_then(|(step, text)| Key::parse(text, step));
        Self {
            client,
            steps,
            place,
            listing: None,
            restarts: 0,
            last: passed,
            previous: None,
            skip: passed,
            sorted: true,
            compared: 0,
            listed: false,
        }
    }

    /// What comes next; nothing at the end.
    ///
    /// # Errors
    ///
    /// Those of the listing.
    pub async fn bunch(&mut self) -> Result<Option<Vec<Piece>>> {
        match self.steps.get(self.place.step) {
            None => Ok(None),
            Some(step) if step.endpoint == Endpoint::Spaces => self.spaces(step).await.map(Some),
            Some(step) => self.pages(step).await.map(Some),
        }
    }

    async fn spaces(&mut self, step: &Step) -> Result<Vec<Piece>> {
        let page = self.fetch(step, SpaceRow::read).await?;
        self.listed |= !page.rows.is_empty();
        self.advance(page.next);
        Ok(vec![Piece::Spaces(page.rows), self.mark()])
    }

    async fn pages(&mut self, step: &Step) -> Result<Vec<Piece>> {
        let page = self.fetch(step, PageRow::read).await?;
        let mut pieces = Vec::with_capacity(page.rows.len() + 1);
        let mut reached = false;
        self.listed |= !page.rows.is_empty();
        for row in page.rows {
            let key = Key::of(&row, step);
            self.look_at_order(key);
            if step.since.is_some() && !self.sorted {
                self.place.step = self.steps.len();
                return Ok(vec![Piece::Disorder]);
            }
            reached |= matches!((key, step.since), (Some(Key::Modified(time)), Some(since)) if time < since);
            if reached || self.skips(key) {
                continue;
            }
            let passed = key.filter(|_| self.sorted).map(Key::to_text);
            pieces.push(Piece::Page(Box::new(row), passed));
        }
        // A few rows may be in order by chance.
        self.advance(
            page.next
                .filter(|_| !reached || self.compared < ENOUGH_PAIRS),
        );
        pieces.push(self.mark());
        Ok(pieces)
    }

    /// The next page of the listing under way. One whose cursor is refused starts again behind the rows
    /// that were listed.
    async fn fetch<T>(
        &mut self,
        step: &Step,
        read: impl Fn(Fields<'_>, Option<&str>) -> Result<T>,
    ) -> Result<Page<T>> {
        loop {
            let limit = self.client.config().page_size;
            let listing = self.listing.get_or_insert_with(|| {
                Listing::new(step.endpoint, &step.query, limit, self.place.cursor.clone())
            });
            match listing.next(self.client, &read).await {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => {
                    return Err(Error::unexpected(
                        step.endpoint,
                        "a listing that goes on behind its end",
                    ));
                }
                Err(CallError::StaleCursor(_)) if self.restarts < MAX_RESTARTS => {
                    self.restarts += 1;
                    self.listing = None;
                    self.place.cursor = None;
                    self.skip = self.last.filter(|_| self.sorted);
                    self.previous = None;
                    let message =
                        "the service no longer accepts the cursor: the listing starts again";
                    self.client.sink().note(&Note::Log {
                        level: "warn",
                        message,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn look_at_order(&mut self, key: Option<Key>) {
        if let Some(previous) = self.previous {
            self.compared += 1;
            self.sorted &= key.is_some_and(|key| previous.may_precede(key));
        }
        self.sorted &= key.is_some();
        self.previous = key;
        self.last = key;
    }

    fn skips(&mut self, key: Option<Key>) -> bool {
        let delivered = self
            .skip
            .zip(key)
            .is_some_and(|(last, key)| key.was_delivered(last));
        if !delivered {
            self.skip = None;
        }
        delivered
    }

    fn advance(&mut self, next: Option<String>) {
        self.place = if let Some(cursor) = next {
            Place {
                step: self.place.step,
                cursor: Some(cursor),
                passed: None,
            }
        } else {
            self.listing = None;
            (self.last, self.previous, self.skip) = (None, None, None);
            (self.sorted, self.compared) = (true, 0);
            Place {
                step: self.place.step + 1,
                ..Place::default()
            }
        };
    }

    fn mark(&self) -> Piece {
        let passed = self.last.filter(|_| self.sorted).map(Key::to_text);
        Piece::Mark(
            Place {
                passed,
                ..self.place.clone()
            },
            self.listed,
        )
    }
}
