//! Pages that are purged while a snapshot spans runs: the sweep at its end does not know them.
//!
//! What was purged ahead of the position of the snapshot and not written since its beginning goes with the sweep. What
//! it had read before, or a change had delivered since, is found by its id, so that no row outlives its page by more
//! than the days that are promised.

use crate::client::Platform;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::Refresh;
use crate::stream::Stream;
use crate::sync::reader::ListingReader;
use crate::sync::run::SyncRun;
use crate::sync::step::Step;
use crate::sync::whole_listing::read_pages;

/// Ids delivered by changes that are remembered at most, some 12 bytes each. What is purged beyond that goes with the
/// next snapshot.
const MAX_DELIVERED: usize = 400;

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
        self.take_out_existing(&mut snapshot, steps).await?;
        self.pacer.record_change();
        let Some(mut purged) = snapshot.listed.into_ids() else {
            return Ok(());
        };
        purged.extend(snapshot.delivered);
        if self.are_many(purged.len()) {
            return Ok(());
        }
        let purged = purged.iter().map(u64::to_string);
        self.run().vanished.extend(purged);
        self.confirm_vanished().await
    }

    /// Takes the pages out of a snapshot that are listed now. Those behind its last one are new.
    async fn take_out_existing(&self, snapshot: &mut Refresh, steps: &[Step]) -> Result<()> {
        let context = self.context;
        let reader = ListingReader::whole(context.client, &context.spaces, steps);
        read_pages(reader, &mut |page| {
            let Ok(id) = page.source_id.parse() else {
                return Ok(());
            };
            if Some(id) <= snapshot.last_listed {
                snapshot.listed.toggle(id);
            }
            if let Ok(place) = snapshot.delivered.binary_search(&id) {
                snapshot.delivered.remove(place);
            }
            Ok(())
        })
        .await
        .map(drop)
    }
}
