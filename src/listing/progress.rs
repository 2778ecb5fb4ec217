//! What a listing is of and how far it was read, whatever its rows: compiled once, not for each kind of row.

use std::cell::Cell;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::guard::LoopGuard;
use super::next::{base_in_headers, is_end_unsaid, next_cursor};
use crate::api::{Context, NextLink};
use crate::client::classify::Failure;
use crate::client::{ApiRequest, Client, EndMarker, Platform, RequestError, Response};
use crate::endpoint::{Endpoint, PageRef};
use crate::note::{Level, Note};
use crate::wire::BodyError;

/// Retries of a page of which a row has no readable key, or that may not be the last one. Such a page is seldom better
/// the next time.
const MAX_DOUBTS: u32 = 1;

/// The service cuts no page to fewer rows than this (its default limit), whatever is asked for.
const SMALLEST_FULL_PAGE: u32 = 25;

/// Bytes of the answers that hold one page's versions or labels, all of which are kept until the last one came: some
/// 50,000 of them.
const MAX_PARTS: usize = 16 << 20;

/// A listing of rows of any kind.
#[derive(Debug)]
pub(super) struct Progress {
    endpoint: Endpoint,
    /// The page whose parts are listed, and its space.
    pub(super) page: Option<(String, Option<String>)>,
    /// Filters and sort, as they are sent.
    query: String,
    pub(super) cursor: Option<String>,
    limit: Cell<u32>,
    /// Whether one row is asked for to see whether there is any: its end shows nothing.
    pub(super) is_probe: bool,
    guard: LoopGuard,
    /// The size of the answers so far.
    bytes: usize,
    done: bool,
}

/// What a listing has to know of one of its pages.
pub(super) struct ReadPage {
    /// The key of its first row.
    pub(super) first: Option<String>,
    /// How many rows it has, readable or not.
    pub(super) count: usize,
    /// How many rows have no readable key.
    pub(super) unusable: usize,
    pub(super) next: NextLink,
}

/// A page that leads on, or is the last one.
struct AcceptedPage {
    first: Option<String>,
    unusable: usize,
    next: Option<String>,
    /// The size of all answers up to it.
    bytes: usize,
    /// How the listing ends with it, if it does.
    end: EndMarker,
}

/// Reads the rows of a body, and keeps them.
type ReadRows<'r> = dyn FnMut(&[u8], Context<'_>) -> Result<ReadPage, BodyError> + 'r;

impl Progress {
    /// A listing from its start, or from a cursor.
    pub(super) fn new(endpoint: Endpoint, query: &str, limit: u32, cursor: Option<String>) -> Self {
        Self {
            endpoint,
            page: None,
            query: query.to_owned(),
            cursor,
            limit: Cell::new(limit),
            is_probe: false,
            guard: LoopGuard::default(),
            bytes: 0,
            done: false,
        }
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
            ..ApiRequest::new(self.endpoint)
        }
    }

    /// Reads the next page; false behind the last one.
    pub(super) async fn next<P: Platform>(
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
            let why = if page.unusable > 0 && tries <= MAX_DOUBTS && client.can_retry() {
                "a row without a readable key"
            } else if page.end == EndMarker::Implicit && self.is_doubtful(client, tries) {
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
    /// more where none is known. A first short page of what belongs to one page is all of it: the service fills pages.
    fn is_doubtful<P: Platform>(&self, client: &Client<'_, P>, tries: u32) -> bool {
        let may_go_on = self.cursor.is_some() || self.page.is_none();
        let is_odd = match client.end_marker(self.endpoint) {
            EndMarker::Explicit => true,
            EndMarker::Implicit => false,
            EndMarker::Unknown => tries <= MAX_DOUBTS && client.can_retry(),
        };
        may_go_on && !self.is_probe && is_odd
    }

    /// Takes note of an end.
    fn record_end<P: Platform>(&self, client: &Client<'_, P>, end: EndMarker) {
        let shows_nothing = end == EndMarker::Unknown || self.is_probe;
        if shows_nothing || !client.record_end(self.endpoint, end) {
            return;
        }
        if end == EndMarker::Implicit && self.page.is_none() {
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
    pub(super) async fn first_rows<P: Platform>(
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
        let ReadPage {
            first,
            count,
            unusable,
            next,
        } = rows(&response.body, self.context(response))?;
        let is_unsaid = is_end_unsaid(&next, &response.headers);
        let is_full = count >= self.limit.get().min(SMALLEST_FULL_PAGE) as usize;
        if is_full && !self.is_probe && is_unsaid {
            let why = "a full page that does not say whether the listing goes on";
            return Err(BodyError::Unexpected(why.into()));
        }
        let next = next_cursor(&next, &response.headers)?;
        let end = match &next {
            Some(_) => EndMarker::Unknown,
            None if is_unsaid => EndMarker::Implicit,
            None => EndMarker::Explicit,
        };
        let current = self.cursor.as_deref();
        self.guard
            .check(current, next.as_deref(), first.as_deref())?;
        let bytes = self.bytes + response.body.len();
        if self.page.is_some() && next.is_some() && bytes > MAX_PARTS {
            return Err(BodyError::Unexpected(
                "more than 16 MiB about one page".into(),
            ));
        }
        Ok(AcceptedPage {
            first,
            unusable,
            next,
            bytes,
            end,
        })
    }

    /// What the rows of a response do not say themselves.
    fn context<'r>(&'r self, response: &'r Response) -> Context<'r> {
        match &self.page {
            Some((page_id, _)) => Context {
                page_id,
                base: None,
            },
            None => Context {
                page_id: "",
                base: base_in_headers(&response.headers),
            },
        }
    }

    pub(super) fn go_back(&mut self, cursor: Option<String>) {
        self.guard.forget(self.cursor.as_deref());
        (self.cursor, self.done) = (cursor, false);
    }

    fn advance(&mut self, page: AcceptedPage) {
        self.guard.record(page.next.as_deref(), page.first);
        self.bytes = page.bytes;
        self.done = page.next.is_none();
        self.cursor = page.next;
    }
}
