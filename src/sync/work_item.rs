//! What is read from listings, in their order.

use crate::api::UnreadableValue;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::endpoint::Endpoint;
use crate::state::{Position, SortKey};

/// What the reader finds, in order.
#[derive(Debug)]
pub(super) enum WorkItem {
    /// Spaces.
    Spaces(Vec<SpaceRow>),
    /// A page.
    Page(Box<ListedPage>),
    /// The end of a page of a listing.
    PageEnd(PageEnd),
    /// The listing by modification is not in that order. Nothing follows.
    OutOfOrder,
}

/// A page as it was listed.
#[derive(Debug)]
pub(super) struct ListedPage {
    /// Its row.
    pub(super) row: PageRow,
    /// Its sort key, where the listing is sorted: the run can resume after it.
    pub(super) resume_after: Option<SortKey>,
}

/// The end of a page of a listing.
#[derive(Debug)]
pub(super) struct PageEnd {
    /// Where the next page begins.
    pub(super) position: Position,
    /// Whether any row was listed so far.
    pub(super) any_row: bool,
    /// What was listed.
    pub(super) endpoint: Endpoint,
    /// Rows without a key on this page.
    pub(super) unusable: usize,
    /// Values on this page that could not be read.
    pub(super) unreadable: Vec<UnreadableValue>,
}
