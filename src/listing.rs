//! A listing, page by page, by cursor.
//!
//! Only the `cursor` of a next link is used, on our own path, filters, sort and limit: the link lacks the gateway's
//! prefix, and a link that was followed could send the credentials anywhere. The end is where neither the body nor the
//! `Link` header has a next link; a short page is not the end, and neither is an empty one. An end without any links is
//! doubted: the service names the site's address with the last page too.

mod guard;
mod next;

use std::cell::Cell;
use std::marker::PhantomData;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::guard::LoopGuard;
use self::next::{base_in_headers, is_end_unsaid, next_cursor};
use crate::api::{Context, ListedRow, NextLink, Rows, UnreadableValue, read_rows};
use crate::client::classify::Failure;
use crate::client::{ApiRequest, Client, EndHabit, Platform, RequestError, Response};
use crate::endpoint::{Endpoint, PageRef};
use crate::note::{Level, Note};
use crate::wire::BodyError;

#[cfg(test)]
mod tests;

/// Retries of a page of which a row has no readable key, or that may not be the last one. Such a page is seldom better
/// the next time.
const MAX_DOUBTS: u32 = 1;

/// The service cuts no page to fewer rows than this (its default limit), whatever is asked for.
const SMALLEST_FULL_PAGE: u32 = 25;

/// A listing and how far it was read.
#[derive(Debug)]
pub struct Listing<R> {
    progress: Progress,
    rows: PhantomData<fn() -> R>,
}

/// What a listing is of, and how far it was read, whatever its rows: compiled once, not for each kind of row.
#[derive(Debug)]
struct Progress {
    endpoint: Endpoint,
    /// The page whose parts are listed, and its space.
    page: Option<(String, Option<String>)>,
    /// Filters and sort, as they are sent.
    query: String,
    cursor: Option<String>,
    limit: Cell<u32>,
    guard: LoopGuard,
    done: bool,
}

/// One page of a listing.
#[derive(Debug)]
pub struct ListingPage<R> {
    /// The rows that can be told from others.
    pub rows: Vec<R>,
    /// How many rows have no readable key.
    pub unusable: usize,
    /// The values that became null because they have no meaning.
    pub unreadable: Vec<UnreadableValue>,
    /// The cursor of the next page; none at the end.
    pub next: Option<String>,
}

/// What a listing has to know of one of its pages.
struct ReadPage {
    /// The key of its first row.
    first: Option<String>,
    /// How many rows it has, readable or not.
    count: usize,
    /// How many rows have no readable key.
    unusable: usize,
    next: NextLink,
}

/// A page that leads on, or is the last one.
struct AcceptedPage {
    first: Option<String>,
    unusable: usize,
    next: Option<String>,
    /// How the listing ends with it, if it does.
    end: EndHabit,
}

/// Reads the rows of a body, and keeps them.
type ReadRows<'r> = dyn FnMut(&[u8], Context<'_>) -> Result<ReadPage, BodyError> + 'r;

/// A reader that keeps the rows of the last body here.
fn read_into<R: ListedRow>(
    kept: &mut Rows<R>,
) -> impl FnMut(&[u8], Context<'_>) -> Result<ReadPage, BodyError> {
    |body, context| {
        let mut read = read_rows::<R>(body, context)?;
        let next = std::mem::take(&mut read.next);
        *kept = read;
        Ok(ReadPage {
            first: kept.rows.first().map(ListedRow::key),
            count: kept.rows.len() + kept.unusable,
            unusable: kept.unusable,
            next,
        })
    }
}

impl<R: ListedRow> Listing<R> {
    /// A listing from its start, or from a cursor.
    #[must_use]
    pub fn new(query: &str, limit: u32, cursor: Option<String>) -> Self {
        Self {
            progress: Progress {
                endpoint: R::ENDPOINT,
                page: None,
                query: query.to_owned(),
                cursor,
                limit: Cell::new(limit),
                guard: LoopGuard::default(),
                done: false,
            },
            rows: PhantomData,
        }
    }

    /// A listing of what belongs to a page.
    #[must_use]
    pub fn of_page(page: PageRef<'_>, limit: u32) -> Self {
        let space_id = page.space_id.map(str::to_owned);
        let mut listing = Self::new("", limit, None);
        listing.progress.page = Some((page.id.to_owned(), space_id));
        listing
    }

    /// The next page of it, or none behind the last one.
    ///
    /// # Errors
    ///
    /// Those of the request, among them a listing that goes in a circle, nowhere, or through empty pages without end.
    pub async fn next<P: Platform>(
        &mut self,
        client: &Client<'_, P>,
    ) -> Result<Option<ListingPage<R>>, RequestError> {
        let mut read = Rows::default();
        let mut keep = read_into(&mut read);
        if !Box::pin(self.progress.next(client, &mut keep)).await? {
            return Ok(None);
        }
        drop(keep);
        Ok(Some(ListingPage {
            rows: read.rows,
            unusable: read.unusable,
            unreadable: read.unreadable,
            next: self.progress.cursor.clone(),
        }))
    }

    /// The rows of the first page that has any; the service is taken at its word.
    ///
    /// # Errors
    ///
    /// The failure as it is.
    pub async fn first_rows<P: Platform>(
        &mut self,
        client: &Client<'_, P>,
    ) -> Result<Vec<R>, Failure> {
        let mut read = Rows::default();
        let mut keep = read_into(&mut read);
        Box::pin(self.progress.first_rows(client, &mut keep)).await?;
        drop(keep);
        Ok(read.rows)
    }
}

impl Progress {
    fn request(&self) -> ApiRequest<'_> {
        let cursor = self.cursor.as_deref();
        let cursor = cursor
            .map(|cursor| format!("cursor={}", utf8_percent_encode(cursor, NON_ALPHANUMERIC)));
        let parts = [Some(self.query.clone()), cursor];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        ApiRequest {
            page: self.page.as_ref().map(|(id, space_id)| PageRef {
                id,
                space_id: space_id.as_deref(),
            }),
            query: parts.collect::<Vec<_>>().join("&"),
            limit: Some(&self.limit),
            has_cursor: self.cursor.is_some(),
            ..ApiRequest::new(self.endpoint)
        }
    }

    /// Reads the next page; false behind the last one.
    async fn next<P: Platform>(
        &mut self,
        client: &Client<'_, P>,
        rows: &mut ReadRows<'_>,
    ) -> Result<bool, RequestError> {
        if self.done {
            return Ok(false);
        }
        let mut tries = 0;
        let request = self.request();
        let read = client.fetch(&request, |response| {
            let page = self.read(response, rows)?;
            tries += 1;
            let why = if page.unusable > 0 && tries <= MAX_DOUBTS {
                "a row without a readable key"
            } else if page.end == EndHabit::Unsaid && self.is_doubtful(client, tries) {
                "a page that does not say whether the listing goes on"
            } else {
                return Ok(page);
            };
            Err(BodyError::Unexpected(why.into()))
        });
        let page = read.await?;
        self.record_end(client, page.end);
        self.advance(page);
        Ok(true)
    }

    /// Whether an end without any links is to be doubted: it is odd where other ends have some, and is asked for once
    /// more where none is known. What belongs to one page seldom has a second page of a listing.
    fn is_doubtful<P: Platform>(&self, client: &Client<'_, P>, tries: u32) -> bool {
        match client.end_habit(self.endpoint) {
            EndHabit::Said => self.limit.get() > 1,
            EndHabit::Unsaid => false,
            EndHabit::Unknown => {
                let may_go_on = self.cursor.is_some() || self.page.is_none();
                may_go_on && self.limit.get() > 1 && tries <= MAX_DOUBTS
            }
        }
    }

    fn record_end<P: Platform>(&self, client: &Client<'_, P>, end: EndHabit) {
        let known = client.end_habit(self.endpoint);
        if end == EndHabit::Unknown || end == known {
            return;
        }
        client.record_end(self.endpoint, end);
        if end == EndHabit::Unsaid && self.page.is_none() {
            let message = format!(
                "{}: the last page has no links; it is taken at its word",
                self.endpoint
            );
            client.notify(&Note::Log {
                level: Level::Warn,
                message: &message,
            });
        }
    }

    /// Reads pages up to the first one that has rows, or to the end.
    async fn first_rows<P: Platform>(
        &mut self,
        client: &Client<'_, P>,
        rows: &mut ReadRows<'_>,
    ) -> Result<(), Failure> {
        while !self.done {
            let request = self.request();
            let read = client.fetch_unconfirmed(&request, |response| self.read(response, rows));
            let page = read.await?;
            let has_rows = page.first.is_some();
            self.advance(page);
            if has_rows {
                break;
            }
        }
        Ok(())
    }

    /// Reads a page, unless its next one leads nowhere.
    fn read(
        &self,
        response: &Response,
        rows: &mut ReadRows<'_>,
    ) -> Result<AcceptedPage, BodyError> {
        let context = match &self.page {
            Some((page_id, _)) => Context {
                page_id,
                base: None,
            },
            None => Context {
                page_id: "",
                base: base_in_headers(&response.headers),
            },
        };
        let ReadPage {
            first,
            count,
            unusable,
            next,
        } = rows(&response.body, context)?;
        let is_unsaid = is_end_unsaid(&next, &response.headers);
        let is_full = count >= self.limit.get().min(SMALLEST_FULL_PAGE) as usize;
        if is_full && self.limit.get() > 1 && is_unsaid {
            let why = "a full page that does not say whether the listing goes on";
            return Err(BodyError::Unexpected(why.into()));
        }
        let next = next_cursor(&next, &response.headers)?;
        let end = match &next {
            Some(_) => EndHabit::Unknown,
            None if is_unsaid => EndHabit::Unsaid,
            None => EndHabit::Said,
        };
        let current = self.cursor.as_deref();
        self.guard
            .check(current, next.as_deref(), first.as_deref())?;
        Ok(AcceptedPage {
            first,
            unusable,
            next,
            end,
        })
    }

    fn advance(&mut self, page: AcceptedPage) {
        self.guard.record(page.next.as_deref(), page.first);
        self.done = page.next.is_none();
        self.cursor = page.next;
    }
}
