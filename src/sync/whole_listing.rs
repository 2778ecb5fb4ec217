//! Listings that are read from their first row to their last outside a pass, with all that a pass does about odd
//! answers: a page that is empty where rows are due is asked for again, and a cursor that is no longer accepted makes
//! the listing go on behind the last row.

use std::collections::HashSet;

use crate::api::UnreadableValue;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::client::{Client, Platform};
use crate::error::Result;
use crate::sync::reader::ListingReader;
use crate::sync::spaces::Spaces;
use crate::sync::step::Step;
use crate::sync::work_item::WorkItem;

/// What of a listing could not be read.
#[derive(Debug, Default)]
pub(crate) struct Flaws {
    /// Rows without a key.
    pub(crate) unusable: usize,
    /// Values that have no meaning.
    pub(crate) unreadable: Vec<UnreadableValue>,
}

/// Passes each page of these listings that is in a chosen space to `each`, once.
///
/// # Errors
///
/// Those of the listings and of `each`.
pub(super) async fn read_pages<P: Platform>(
    mut reader: ListingReader<'_, P>,
    each: &mut dyn FnMut(PageRow) -> Result<()>,
) -> Result<Flaws> {
    let mut flaws = Flaws::default();
    while let Some(items) = Box::pin(reader.next_batch()).await? {
        for item in items {
            match item {
                WorkItem::Page(page) => each(page.row)?,
                item => flaws.add(item),
            }
        }
    }
    Ok(flaws)
}

/// All spaces of these listings, each once.
///
/// # Errors
///
/// Those of the listings.
pub(super) async fn read_spaces<P: Platform>(
    client: &Client<'_, P>,
    steps: &[Step],
) -> Result<(Vec<SpaceRow>, Flaws)> {
    let spaces = Spaces::default();
    let mut reader = ListingReader::whole(client, &spaces, steps);
    let (mut rows, mut flaws) = (Vec::new(), Flaws::default());
    while let Some(items) = Box::pin(reader.next_batch()).await? {
        for item in items {
            match item {
                WorkItem::Spaces(spaces) => rows.extend(spaces),
                item => flaws.add(item),
            }
        }
    }
    // A listing that began again repeats its rows.
    let mut seen = HashSet::new();
    rows.retain(|row: &SpaceRow| seen.insert(row.source_id.clone()));
    Ok((rows, flaws))
}

impl Flaws {
    fn add(&mut self, item: WorkItem) {
        if let WorkItem::PageEnd(end) = item {
            self.unusable += end.unusable;
            self.unreadable.extend(end.unreadable);
        }
    }
}
