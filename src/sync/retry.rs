//! What earlier runs set aside is read first: the status of the pages in one request, then only what is missing.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::api::page::PageRow;
use crate::client::Platform;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::StreamSet;
use crate::sync::context::all_details;
use crate::sync::detail_reader::{DetailReader, Occasion};
use crate::sync::health::Health;
use crate::sync::page_details::PageDetails;
use crate::sync::run::SyncRun;
use crate::sync::selection::details_of;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Asks again for what earlier runs set aside.
    pub(super) async fn retry_set_aside(&mut self) -> Result<()> {
        self.apply_skip_list();
        let selected = details_of(self.selected());
        let lacking = self.state.set_aside.lacking(selected);
        let mut ids: Vec<_> = lacking.map(|page| page.page_id.clone()).collect();
        // What the configuration skips may be gone as well: snapshots that spare it would never be closed.
        ids.extend(self.state.skipped.iter().cloned());
        if ids.is_empty() {
            return Ok(());
        }
        let found = self.find_or_void(&ids).await?;
        let (live, trashed): (Vec<_>, Vec<_>) = found.into_iter().partition(PageRow::has_details);
        let streams = self.selected();
        for page in &trashed {
            let id = page.source_id.as_str();
            self.writer.page(page, streams)?;
            self.state.set_aside.remove(id, StreamSet::ALL);
            self.state.skipped.retain(|skipped| skipped != id);
            self.retried.push(id.to_owned());
        }
        let before = self.state.set_aside.clone();
        let is_set_aside = |page: &PageRow| !before.missing(&page.source_id).is_empty();
        let live: Vec<_> = live.into_iter().filter(is_set_aside).collect();
        self.read_missing(&live, selected).await?;
        if self.state.set_aside != before || !trashed.is_empty() {
            self.pacer.record_change();
        }
        self.checkpoint_if_due()
    }

    async fn read_missing(&mut self, pages: &[PageRow], selected: StreamSet) -> Result<()> {
        let context = self.context;
        // What is known to fail says nothing about its endpoint; if all of it still fails, the rest can wait.
        let health = Health::default();
        let health = &health;
        let missing = |page: &PageRow| {
            let missing = self.state.set_aside.missing(&page.source_id);
            missing.intersection(selected)
        };
        let requests: Vec<_> = pages.iter().map(|page| (page, missing(page))).collect();
        let requests = requests.into_iter().map(|(page, missing)| async move {
            let reader = DetailReader::new(context.client, health, Occasion::SetAside);
            (page, reader.read(page, missing).await)
        });
        let mut results = stream::iter(requests).buffered(context.window());
        while let Some((page, result)) = results.next().await {
            self.deliver_missing(page, &result?)?;
        }
        Ok(())
    }

    fn deliver_missing(&mut self, page: &PageRow, details: &PageDetails) -> Result<()> {
        self.record_statuses(page, details)?;
        self.writer.details(page, details, self.selected())?;
        self.record_unreadable(&details.unreadable);
        let id = page.source_id.as_str();
        if details.versions.rows().is_some() {
            self.retried.push(id.to_owned());
        }
        let failed = self.state.set_aside.missing(id);
        if !failed.is_empty() {
            self.state.set_aside.postpone(id);
            let mut all = self.context.failed.borrow_mut();
            all.insert(id.to_owned(), failed);
        }
        Ok(())
    }

    /// Pages that the configuration skips are no longer set aside; those that it no longer skips are.
    fn apply_skip_list(&mut self) {
        let (skipped, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.state.skipped)
            .into_iter()
            .partition(|id| self.context.skips(id));
        self.state.skipped = skipped;
        for id in &self.context.client.config().skip_pages {
            if !self.state.set_aside.missing(id).is_empty() {
                self.state.set_aside.remove(id, StreamSet::ALL);
                self.record_skipped(id);
            }
        }
        for id in others {
            let reason = "no longer in skip_pages";
            self.state.set_aside.add(&id, all_details(), reason);
        }
    }
}
