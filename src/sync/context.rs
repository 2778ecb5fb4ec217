//! What all requests of a run share.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::api::page::PageRow;
use crate::client::{Client, Platform};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::state::{StableHash, StreamSet};
use crate::stream::Stream;
use crate::sync::health::Health;
use crate::sync::reader::ListingReader;
use crate::sync::selection::{DETAILS, Selection, details_of};
use crate::sync::spaces::Spaces;
use crate::sync::step::{Step, encode};
use crate::sync::whole_listing::{Flaws, read_pages};

/// Ids in one request for pages (`maxItems` of `id` in the OpenAPI).
pub(super) const MAX_IDS: usize = 250;

/// What all requests of a run share.
pub(super) struct Context<'a, P, S> {
    /// The way to the service.
    pub(super) client: &'a Client<'a, P>,
    /// Where rows go.
    pub(super) sink: &'a S,
    /// What is selected.
    pub(super) selection: &'a Selection,
    /// The spaces.
    pub(super) spaces: Spaces,
    /// The endpoints that fail.
    pub(super) health: Health,
    /// Details that failed at the beginning of this run: they are not requested again.
    pub(super) failed: RefCell<HashMap<String, StreamSet>>,
}

impl<P: Platform, S> Context<'_, P, S> {
    /// Whether the configuration skips the details of this page.
    pub(super) fn skips(&self, page_id: &str) -> bool {
        let skipped = &self.client.config().skip_pages;
        skipped.iter().any(|id| id == page_id)
    }

    /// The details to read of a page of which these streams are delivered.
    pub(super) fn details(&self, page: &PageRow, streams: StreamSet) -> StreamSet {
        let id = page.source_id.as_str();
        if !page.has_details() || self.skips(id) {
            return StreamSet::EMPTY;
        }
        let failed = self.failed.borrow().get(id).copied();
        details_of(streams).difference(failed.unwrap_or_default())
    }

    /// The streams of a listed page that are delivered.
    pub(super) fn streams(&self, scope: Scope, page: &PageRow) -> StreamSet {
        match scope {
            Scope::Run => self.selection.at(page.modified),
            Scope::Snapshot => self.selection.refreshed(),
        }
    }

    /// The pages with these ids that exist in the chosen spaces, whatever their status.
    ///
    /// # Errors
    ///
    /// Those of the requests.
    pub(super) async fn pages_by_id(&self, ids: &[String]) -> Result<(Vec<PageRow>, Flaws)> {
        let steps: Vec<_> = ids.chunks(MAX_IDS).map(step_by_id).collect();
        let reader = ListingReader::whole(self.client, &self.spaces, &steps);
        let limit = u32::try_from(MAX_IDS).unwrap_or(u32::MAX);
        let mut rows = Vec::new();
        let flaws = read_pages(reader.with_page_size(limit), &mut |row| {
            if self.spaces.contain(&row) {
                rows.push(row);
            }
            Ok(())
        })
        .await?;
        Ok((rows, flaws))
    }

    /// How many pages are read at once. Three times what is in flight: enough that a page whose details take several
    /// requests one after the other does not drain the pipe, and little enough to lose when the run is stopped.
    pub(super) fn window(&self) -> usize {
        let per_page = details_of(self.selection.streams()).len().max(1);
        3 * self.client.config().max_concurrency / per_page + 1
    }
}

fn step_by_id(ids: &[String]) -> Step {
    let ids = ids.iter().map(|id| format!("id={}&", encode(id)));
    Step {
        endpoint: Endpoint::Pages,
        query: ids.collect::<String>() + "status=current&status=archived&status=trashed",
        since: None,
        expects_rows: true,
    }
}

/// What a pass over listings delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// What the run selects of each page.
    Run,
    /// Everything that the snapshot under way refreshes, whatever was delivered lately.
    Snapshot,
}

/// The details of all streams.
#[must_use]
pub(super) fn all_details() -> StreamSet {
    DETAILS.into_iter().collect()
}

/// The streams that lack rows where this detail is missing.
#[must_use]
pub(super) fn fed_by(detail: Stream) -> StreamSet {
    let mut streams: StreamSet = [detail].into_iter().collect();
    if detail == Stream::PageVersions {
        streams.insert(Stream::Users);
    }
    streams
}

/// A hash of a page's whole row.
///
/// # Errors
///
/// None in practice: a row has a JSON form.
pub(super) fn hash_of(page: &PageRow) -> Result<StableHash> {
    Ok(StableHash::of(
        crate::sync::batches::to_json(page)?.as_bytes(),
    ))
}
