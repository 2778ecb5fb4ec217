//! What becomes of an item of a listing: a page is read with its details, all else passes through.

use crate::api::space::SpaceRow;
use crate::client::Platform;
use crate::error::Result;
use crate::state::{RecentRows, StreamSet};
use crate::sync::context::{Context, Scope, hash_of};
use crate::sync::detail_reader::{DetailReader, Occasion};
use crate::sync::page_details::{Abort, PageDetails};
use crate::sync::work_item::{ListedPage, PageEnd, WorkItem};

/// What became of a [`WorkItem`].
pub(super) enum Completed {
    Spaces(Vec<SpaceRow>),
    Page(Box<CompletedPage>),
    PageEnd(PageEnd),
    OutOfOrder,
}

/// A page, and what became of it.
pub(super) struct CompletedPage {
    pub(super) listed: ListedPage,
    /// The streams that it is delivered for.
    pub(super) streams: StreamSet,
    pub(super) outcome: Outcome,
}

/// What became of a page.
pub(super) enum Outcome {
    /// Delivered by an earlier run, and the same since.
    Known,
    Read(Box<PageDetails>),
    Gone,
}

/// Reads what is still to be read for an item.
pub(super) async fn process<P: Platform, S>(
    context: &Context<'_, P, S>,
    scope: Scope,
    known: &RecentRows,
    item: WorkItem,
) -> Result<Completed> {
    Ok(match item {
        WorkItem::Spaces(rows) => Completed::Spaces(rows),
        WorkItem::PageEnd(end) => Completed::PageEnd(end),
        WorkItem::OutOfOrder => Completed::OutOfOrder,
        WorkItem::Page(listed) => {
            let row = &listed.row;
            let streams = context.streams(scope, row);
            let outcome = if !known.is_empty() && known.contains(hash_of(row)?) {
                Outcome::Known
            } else {
                let (client, health) = (context.client, &context.health);
                let reader = DetailReader::new(client, health, Occasion::Listed);
                match reader.read(row, context.details(row, streams)).await {
                    Ok(details) => Outcome::Read(Box::new(details)),
                    Err(Abort::Gone) => Outcome::Gone,
                    Err(Abort::Fatal(error)) => return Err(error),
                }
            };
            Completed::Page(Box::new(CompletedPage {
                listed: *listed,
                streams,
                outcome,
            }))
        }
    })
}
