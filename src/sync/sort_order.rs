//! Follows the sort keys of a listing of pages: whether it is in order, and behind which row it goes on.

use crate::api::page::PageRow;
use crate::state::SortKey;
use crate::sync::step::Step;
use crate::timestamp::Timestamp;

/// How many in-order pairs to see before the sort order is trusted; agreement by chance is 1 in 9!.
const ENOUGH_PAIRS: u32 = 8;

/// The order of the listing under way, as far as it was read.
pub(super) struct SortOrder {
    /// The sort key of the last row listed: a listing that starts again goes on behind it.
    last: Option<SortKey>,
    /// The sort key of the row before, to verify the order.
    previous: Option<SortKey>,
    /// Rows up to this key were delivered.
    skip: Option<SortKey>,
    /// Whether the listing under way is sorted as it should be.
    sorted: bool,
    /// Pairs of rows whose order was verified.
    compared: u32,
}

impl SortOrder {
    /// A listing whose rows up to `delivered` were delivered, if any were.
    pub(super) fn new(delivered: Option<SortKey>) -> Self {
        Self {
            last: delivered,
            previous: None,
            skip: delivered,
            sorted: true,
            compared: 0,
        }
    }

    /// Whether the listing is sorted as it should be, so far.
    pub(super) fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// Whether enough rows were compared for the order to be trusted.
    pub(super) fn is_established(&self) -> bool {
        self.compared >= ENOUGH_PAIRS
    }

    /// The sort key of the last row listed.
    pub(super) fn last(&self) -> Option<SortKey> {
        self.last
    }

    /// The sort key of the last row listed, where the listing can go on behind it.
    pub(super) fn resume_after(&self) -> Option<SortKey> {
        self.last.filter(|_| self.sorted)
    }

    /// The listing starts again, and goes on behind the last row listed.
    pub(super) fn rewind(&mut self) {
        self.skip = self.resume_after();
        self.previous = None;
    }

    /// Compares a row with the one before.
    pub(super) fn verify(&mut self, key: Option<SortKey>) {
        if let Some(previous) = self.previous {
            self.compared += 1;
            self.sorted &= key.is_some_and(|key| previous.may_precede(key));
        }
        self.sorted &= key.is_some();
        self.previous = key;
        self.last = key;
    }

    /// Whether a row was delivered before.
    pub(super) fn skips(&mut self, key: Option<SortKey>) -> bool {
        let delivered = self
            .skip
            .zip(key)
            .is_some_and(|(last, key)| key.was_delivered(last));
        if !delivered {
            self.skip = None;
        }
        delivered
    }
}

/// Whether a page was modified before the time down to which pages are listed.
pub(super) fn is_before(key: Option<SortKey>, since: Option<Timestamp>) -> bool {
    matches!((key, since), (Some(SortKey::Modified(time)), Some(since)) if time < since)
}

/// What the listing of a step sorts a page by.
pub(super) fn sort_key(page: &PageRow, step: &Step) -> Option<SortKey> {
    match step.since {
        Some(_) => page.modified.map(SortKey::Modified),
        None => page.source_id.parse().ok().map(SortKey::Id),
    }
}
