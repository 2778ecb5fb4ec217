//! A listing, page by page, by cursor.
//!
//! Only the `cursor` of a next link is used, on our own path, filters, sort and limit: the link lacks the gateway's
//! prefix, and a link that was followed could send the credentials anywhere. The end is where neither the body nor the
//! `Link` header has a next link; a short page is not the end, and neither is an empty one. An end without any links is
//! doubted: the service names the site's address with the last page too.

mod empty_pages;
mod guard;
mod next;
mod progress;

use std::marker::PhantomData;

pub use self::empty_pages::EmptyPages;
use self::progress::{Progress, ReadPage};
use crate::api::{Context, ListedRow, Rows, UnreadableValue, read_rows};
use crate::client::classify::Failure;
use crate::client::{Client, Platform, RequestError};
use crate::endpoint::PageRef;
use crate::wire::BodyError;

#[cfg(test)]
mod tests;

/// A listing and how far it was read.
#[derive(Debug)]
pub struct Listing<R> {
    progress: Progress,
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
            progress: Progress::new(R::ENDPOINT, query, limit, cursor),
            rows: PhantomData,
        }
    }

    /// A listing that is asked for one row, to see whether there is any.
    #[must_use]
    pub fn probe(query: &str) -> Self {
        let mut listing = Self::new(query, 1, None);
        listing.progress.is_probe = true;
        listing
    }

    /// A listing of what belongs to a page.
    #[must_use]
    pub fn of_page(page: PageRef<'_>, limit: u32) -> Self {
        let space_id = page.space_id.map(str::to_owned);
        let mut listing = Self::new("", limit, None);
        listing.progress.page = Some((page.id.to_owned(), space_id));
        listing
    }

    /// Goes back to the page at this cursor, which was the last one. What the listing has gone through counts on, so
    /// that it cannot go in a circle of pages that are requested again.
    pub fn go_back(&mut self, cursor: Option<String>) {
        self.progress.go_back(cursor);
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
