//! A listing must come to an end.

use std::collections::HashSet;

use crate::wire::BodyError;

/// Empty pages in a row that are followed; a site without rows has one, a filtered listing a few.
const MAX_EMPTY: u32 = 50;
/// Pages that begin with the first row of an earlier page, under new cursors. A page that moves while the listing is read
/// makes one, and the service may count a cursor anew; a listing that repeats itself makes more without end.
const MAX_REPEATED: u32 = 9;
/// Bytes of a cursor. Those seen hold some 60; more would not fit into a state.
const MAX_CURSOR: usize = 8 * 1024;

/// What a listing has gone through.
#[derive(Debug, Default)]
pub(super) struct LoopGuard {
    seen: HashSet<String>,
    /// Empty pages in a row.
    empty: u32,
    /// The first rows of the pages that had any.
    first_rows: HashSet<String>,
    /// Pages that began with one of them again.
    repeated: u32,
}

impl LoopGuard {
    /// Refuses a next page that leads nowhere.
    pub(super) fn check(
        &self,
        current: Option<&str>,
        next: Option<&str>,
        first: Option<&str>,
    ) -> Result<(), BodyError> {
        let Some(next) = next else { return Ok(()) };
        let why = if next.len() > MAX_CURSOR {
            "a cursor of more than 8 KiB"
        } else if current == Some(next) || self.seen.contains(next) {
            "a cursor that was seen before"
        } else if first.is_none() && self.empty >= MAX_EMPTY {
            "one empty page after the other"
        } else if self.repeated >= MAX_REPEATED
            && first.is_some_and(|first| self.first_rows.contains(first))
        {
            "the same rows again and again"
        } else {
            return Ok(());
        };
        Err(BodyError::Unexpected(why.to_owned()))
    }

    /// The last page is requested again: what it led to may come once more.
    pub(super) fn forget(&mut self, next: Option<&str>) {
        if let Some(next) = next {
            self.seen.remove(next);
        }
    }

    /// Records a page that was accepted.
    pub(super) fn record(&mut self, next: Option<&str>, first: Option<String>) {
        self.seen.extend(next.map(str::to_owned));
        let Some(first) = first else {
            self.empty += 1;
            return;
        };
        self.empty = 0;
        self.repeated += u32::from(!self.first_rows.insert(first));
    }
}
