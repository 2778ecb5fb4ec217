//! A listing, page by page, by cursor.
//!
//! Only the `cursor` of a next link is used, on our own path, filters, sort and limit: the link lacks the gateway's
//! prefix, and a link that was followed could send the credentials anywhere. The end is where neither the body nor the
//! `Link` header has a next link; a short page is not the end, and neither is an empty one.

mod guard;
mod next;

use std::cell::Cell;
use std::marker::PhantomData;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::guard::LoopGuard;
use self::next::{is_end_unsaid, next_cursor};
use crate::api::{ListedRow, Rows, UnreadableValue, read_rows};
use crate::client::classify::Failure;
use crate::client::{ApiRequest, Client, Platform, RequestError, Response};
use crate::endpoint::PageRef;
use crate::wire::BodyError;

#[cfg(test)]
mod tests;

/// Retries of a page of which a row has no readable key. Such a row is seldom better the next time.
const MAX_KEY_RETRIES: u32 = 1;

/// The service cuts no page to fewer rows than this (its default limit), whatever is asked for.
const SMALLEST_FULL_PAGE: u32 = 25;

/// A listing and how far it was read.
#[derive(Debug)]
pub struct Listing<R> {
    /// The page whose parts are listed, and its space.
    page: Option<(String, Option<String>)>,
    /// Filters and sort, as they are sent.
    query: String,
    cursor: Option<String>,
    limit: Cell<u32>,
    guard: LoopGuard,
    done: bool,
    rows: PhantomData<fn() -> R>,
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

impl<R: ListedRow> Listing<R> {
    /// A listing from its start, or from a cursor.
    #[must_use]
    pub fn new(query: &str, limit: u32, cursor: Option<String>) -> Self {
        Self {
            page: None,
            query: query.to_owned(),
            cursor,
            limit: Cell::new(limit),
            guard: LoopGuard::default(),
            done: false,
            rows: PhantomData,
        }
    }

    /// A listing of what belongs to a page.
    #[must_use]
    pub fn of_page(page: PageRef<'_>, limit: u32) -> Self {
        let space_id = page.space_id.map(str::to_owned);
        Self {
            page: Some((page.id.to_owned(), space_id)),
            ..Self::new("", limit, None)
        }
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
        if self.done {
            return Ok(None);
        }
        let tries = Cell::new(0);
        let read = |response: &Response| {
            let page = self.read(response)?;
            if page.unusable > 0 && tries.replace(tries.get() + 1) < MAX_KEY_RETRIES {
                return Err(BodyError::Unexpected("a row without a readable key".into()));
            }
            Ok(page)
        };
        let page = client.fetch(&self.request(), read).await?;
        self.advance(&page);
        Ok(Some(page))
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
        while !self.done {
            let read = |response: &Response| self.read(response);
            let page = client.fetch_unconfirmed(&self.request(), read).await?;
            self.advance(&page);
            if !page.rows.is_empty() {
                return Ok(page.rows);
            }
        }
        Ok(Vec::new())
    }

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
            ..ApiRequest::new(R::ENDPOINT)
        }
    }

    fn read(&self, response: &Response) -> Result<ListingPage<R>, BodyError> {
        let page_id = self.page.as_ref().map_or("", |(id, _)| id);
        let Rows {
            rows,
            unusable,
            unreadable,
            next,
        } = read_rows::<R>(&response.body, page_id)?;
        let is_full = rows.len() + unusable >= self.limit.get().min(SMALLEST_FULL_PAGE) as usize;
        if is_full && self.limit.get() > 1 && is_end_unsaid(&next, &response.headers) {
            let why = "a full page that does not say whether the listing goes on";
            return Err(BodyError::Unexpected(why.into()));
        }
        let next = next_cursor(&next, &response.headers)?;
        let first = rows.first().map(ListedRow::key);
        let current = self.cursor.as_deref();
        self.guard
            .check(current, next.as_deref(), first.as_deref())?;
        Ok(ListingPage {
            rows,
            unusable,
            unreadable,
            next,
        })
    }

    fn advance(&mut self, page: &ListingPage<R>) {
        let first = page.rows.first().map(ListedRow::key);
        self.guard.record(page.next.as_deref(), first);
        self.done = page.next.is_none();
        self.cursor.clone_from(&page.next);
    }
}
