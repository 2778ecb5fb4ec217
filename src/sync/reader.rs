//! Reads the listings of a plan one after the other, from any position on: rows and the ends of pages, in order.

use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::{ListedRow, UnreadableValue};
use crate::client::request::RequestError;
use crate::client::{Client, Platform};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::listing::{EmptyPages, Listing, ListingPage};
use crate::note::{Level, Note};
use crate::state::{Position, SortKey};
use crate::sync::sort_order::{SortOrder, is_before, sort_key};
use crate::sync::spaces::Spaces;
use crate::sync::step::Step;
use crate::sync::work_item::{ListedPage, PageEnd, WorkItem};

/// How often a listing may start again without getting further.
const MAX_RESTARTS: u32 = 3;

/// Reads the listings of a plan.
pub(super) struct ListingReader<'a, P> {
    client: &'a Client<'a, P>,
    spaces: &'a Spaces,
    steps: &'a [Step],
    position: Position,
    page_size: u32,
    /// Pages of the site that may still be read, where not all are.
    remaining: Option<u64>,
    space_listing: Option<Listing<SpaceRow>>,
    page_listing: Option<Listing<PageRow>>,
    /// Restarts since the listing last got further.
    restarts: u32,
    /// The last row listed before the last restart.
    restarted_at: Option<SortKey>,
    order: SortOrder,
    any_row: bool,
    empty_pages: EmptyPages,
}

impl<'a, P: Platform> ListingReader<'a, P> {
    /// A reader of `steps` that begins at `position` and reads at most `remaining` pages.
    pub(super) fn new(
        client: &'a Client<'a, P>,
        spaces: &'a Spaces,
        steps: &'a [Step],
        position: Position,
        remaining: Option<u64>,
    ) -> Self {
        let order = SortOrder::new(position.resume_after);
        Self {
            client,
            spaces,
            steps,
            position,
            page_size: client.config().page_size,
            remaining,
            space_listing: None,
            page_listing: None,
            restarts: 0,
            restarted_at: None,
            order,
            any_row: false,
            empty_pages: EmptyPages::default(),
        }
    }

    /// A reader of all that `steps` list.
    pub(super) fn whole(client: &'a Client<'a, P>, spaces: &'a Spaces, steps: &'a [Step]) -> Self {
        Self::new(client, spaces, steps, Position::default(), None)
    }

    /// The same with so many rows a request.
    pub(super) fn with_page_size(self, page_size: u32) -> Self {
        Self { page_size, ..self }
    }

    /// The next items: a page of a listing; nothing at the end.
    ///
    /// # Errors
    ///
    /// Those of the listing.
    pub(super) async fn next_batch(&mut self) -> Result<Option<Vec<WorkItem>>> {
        match self.steps.get(self.position.step) {
            _ if self.remaining == Some(0) => Ok(None),
            None => Ok(None),
            Some(step) if step.endpoint == Endpoint::Spaces => self.spaces(step).await.map(Some),
            Some(step) => self.pages(step).await.map(Some),
        }
    }

    async fn spaces(&mut self, step: &Step) -> Result<Vec<WorkItem>> {
        let mut listing = self.space_listing.take();
        let page = self.fetch(&mut listing, step).await?;
        self.space_listing = listing;
        self.any_row |= !page.rows.is_empty();
        let rows = page.rows;
        self.advance(page.next);
        let end = self.page_end(step.endpoint, page.unusable, page.unreadable);
        Ok(vec![WorkItem::Spaces(rows), end])
    }

    async fn pages(&mut self, step: &Step) -> Result<Vec<WorkItem>> {
        let mut listing = self.page_listing.take();
        let page = self.fetch(&mut listing, step).await?;
        self.page_listing = listing;
        let mut items = Vec::with_capacity(page.rows.len() + 1);
        let mut reached_watermark = false;
        self.any_row |= !page.rows.is_empty();
        for row in page.rows {
            let key = sort_key(&row, step);
            self.order.verify(key);
            if step.since.is_some() && !self.order.is_sorted() {
                self.position.step = self.steps.len();
                return Ok(vec![WorkItem::OutOfOrder]);
            }
            reached_watermark |= is_before(key, step.since);
            if reached_watermark || self.order.skips(key) || !self.spaces.includes(&row) {
                continue;
            }
            let resume_after = key.filter(|_| self.order.is_sorted());
            items.push(WorkItem::Page(Box::new(ListedPage { row, resume_after })));
            if self.is_used_up() && resume_after.is_some() {
                return Ok(items);
            }
        }
        // A few rows may be in order by chance.
        let goes_on = !reached_watermark || !self.order.is_established();
        self.advance(page.next.filter(|_| goes_on));
        items.push(self.page_end(step.endpoint, page.unusable, page.unreadable));
        Ok(items)
    }

    /// Counts a page; whether it is the last one that may be read.
    fn is_used_up(&mut self) -> bool {
        let Some(remaining) = &mut self.remaining else {
            return false;
        };
        *remaining = remaining.saturating_sub(1);
        *remaining == 0
    }

    /// The next page of the listing under way. One whose cursor is refused starts again behind the rows that were
    /// listed, as long as it gets further each time.
    async fn fetch<R: ListedRow>(
        &mut self,
        listing: &mut Option<Listing<R>>,
        step: &Step,
    ) -> Result<ListingPage<R>> {
        loop {
            let open = listing.get_or_insert_with(|| {
                Listing::new(&step.query, self.page_size, self.position.cursor.clone())
            });
            match open.next(self.client).await {
                Ok(Some(page)) if self.is_oddly_empty(&page, step) => {
                    open.go_back(self.position.cursor.clone());
                }
                Ok(Some(page)) => return Ok(page),
                Ok(None) => {
                    let why = "a listing that goes on behind its end";
                    return Err(Error::unexpected(step.endpoint, why));
                }
                Err(RequestError::CursorRefused(error)) => {
                    *listing = None;
                    self.restart(error)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether a page has no rows where the service sends some, and is to be requested again.
    fn is_oddly_empty<R>(&mut self, page: &ListingPage<R>, step: &Step) -> bool {
        let cursor = self.position.cursor.as_deref();
        let expects_rows = step.expects_rows || cursor.is_some();
        let is_empty = page.rows.is_empty() && page.unusable == 0;
        is_empty && expects_rows && self.empty_pages.is_doubtful(cursor)
    }

    fn restart(&mut self, error: Error) -> Result<()> {
        let gets_further = self.order.is_sorted() && self.order.last() != self.restarted_at;
        self.restarts = if gets_further { 1 } else { self.restarts + 1 };
        if self.restarts > MAX_RESTARTS {
            return Err(error);
        }
        self.restarted_at = self.order.last();
        self.position.cursor = None;
        self.order.rewind();
        let message = "the service no longer accepts the cursor: the listing starts again";
        self.client.notify(&Note::Log {
            level: Level::Warn,
            message,
        });
        Ok(())
    }

    fn advance(&mut self, next: Option<String>) {
        self.position = if let Some(cursor) = next {
            Position {
                step: self.position.step,
                cursor: Some(cursor),
                resume_after: None,
            }
        } else {
            (self.space_listing, self.page_listing) = (None, None);
            (self.restarts, self.restarted_at) = (0, None);
            self.empty_pages = EmptyPages::default();
            self.order = SortOrder::new(None);
            Position {
                step: self.position.step + 1,
                ..Position::default()
            }
        };
    }

    fn page_end(
        &self,
        endpoint: Endpoint,
        unusable: usize,
        unreadable: Vec<UnreadableValue>,
    ) -> WorkItem {
        WorkItem::PageEnd(PageEnd {
            position: Position {
                resume_after: self.order.resume_after(),
                ..self.position.clone()
            },
            any_row: self.any_row,
            endpoint,
            unusable,
            unreadable,
        })
    }
}
