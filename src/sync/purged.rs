//! Pages that are purged while a snapshot spans runs: the sweep at its end does not know them.
//!
//! What was purged ahead of the position of the snapshot and not written since its beginning goes with the sweep. What
//! it had read before, or a change had delivered since, is found by its id, so that no row outlives its page by more
//! than the days that are promised.

use crate::api::page::PageRow;
use crate::client::Platform;
use crate::error::Result;
use crate::listing::Listing;
use crate::sink::Sink;
use crate::state::Refresh;
use crate::stream::Stream;
use crate::sync::run::SyncRun;
use crate::sync::step::Step;

/// Ids delivered by changes that are remembered at most, some 12 bytes each. What is purged beyond that goes with the
/// next snapshot.
const MAX_DELIVERED: usize = 400;
/// Pages that may be gone at once. More, and more than a twentieth of all, look like a permission that was taken away:
/// they are left to the sweep, where the destination's bound holds.
const MAX_PURGED: usize = 20;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// A change has delivered this page: the snapshot under way should come across it.
    pub(super) fn record_delivered(&mut self, id: &str) {
        let (Some(refresh), Ok(id)) = (&mut self.state.refresh, id.parse()) else {
            return;
        };
        let last = refresh.last_listed.unwrap_or_default();
        if refresh.delivered.len() >= MAX_DELIVERED {
            refresh.delivered.retain(|delivered| *delivered > last);
        }
        if id > last
            && refresh.delivered.len() < MAX_DELIVERED
            && let Err(place) = refresh.delivered.binary_search(&id)
        {
            refresh.delivered.insert(place, id);
        }
    }

    /// The snapshot under way has come across this page.
    pub(super) fn record_listed(&mut self, id: &str) {
        if let (Some(refresh), Ok(id)) = (&mut self.state.refresh, id.parse()) {
            refresh.listed.toggle(id);
            refresh.last_listed = Some(id);
        }
    }

    /// Voids the rows of pages that the last snapshot has read and that do not exist any more: all ids are listed once
    /// more, without details.
    pub(super) async fn void_purged(&mut self, steps: &[Step]) -> Result<()> {
        let mut streams = self.context.selection.refreshed();
        streams.remove(Stream::Users);
        let snapshot = self.state.unverified.take();
        let Some(mut snapshot) = snapshot.filter(|_| !streams.is_empty()) else {
            return Ok(());
        };
        for step in steps {
            self.take_out_existing(&mut snapshot, step).await?;
        }
        self.pacer.record_change();
        let Some(mut purged) = snapshot.listed.into_ids() else {
            return Ok(());
        };
        purged.extend(snapshot.delivered);
        let pages = usize::try_from(snapshot.pages).unwrap_or(usize::MAX);
        if purged.len() > MAX_PURGED && purged.len() > pages / 20 {
            return Ok(());
        }
        let purged = purged.iter().map(u64::to_string);
        self.run().vanished.extend(purged);
        self.look_up_remaining().await?;
        self.confirm_vanished().await
    }

    /// Takes the pages out of a snapshot that are listed now. Those behind its last one are new.
    async fn take_out_existing(&self, snapshot: &mut Refresh, step: &Step) -> Result<()> {
        let (client, spaces) = (self.context.client, &self.context.spaces);
        let page_size = client.config().page_size;
        let mut listing = Listing::<PageRow>::new(&step.query, page_size, None);
        while let Some(page) = listing.next(client).await? {
            let pages = page.rows.iter().filter(|page| spaces.includes(page));
            for id in pages.filter_map(|page| page.source_id.parse().ok()) {
                if Some(id) <= snapshot.last_listed {
                    snapshot.listed.toggle(id);
                }
                if let Ok(place) = snapshot.delivered.binary_search(&id) {
                    snapshot.delivered.remove(place);
                }
            }
        }
        Ok(())
    }
}
