//! Pages that no longer exist: their rows are voided, unless so many are gone at once that it looks like a permission
//! that was taken away.

use crate::api::page::PageRow;
use crate::client::Platform;
use crate::error::Result;
use crate::note::Note;
use crate::sink::Sink;
use crate::state::StreamSet;
use crate::stream::Stream;
use crate::sync::run::SyncRun;

/// Pages that may be gone in one run. More, and more than a twentieth of all, are left to the sweep, where the
/// destination's bound holds.
pub(super) const MAX_GONE: usize = 20;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// The pages with these ids that exist, whatever their status. The others are voided.
    pub(super) async fn find_or_void(&mut self, ids: &[String]) -> Result<Vec<PageRow>> {
        let (found, flaws) = self.context.pages_by_id(ids).await?;
        self.record_flaws(Stream::Pages, &flaws);
        // A row without an id may be that of any of them, and so may a space.
        if flaws.unusable == 0 && !self.context.spaces.are_doubtful() {
            let is_found = |id: &&String| found.iter().any(|page| page.source_id == **id);
            let gone: Vec<&String> = ids.iter().filter(|id| !is_found(id)).collect();
            self.void_gone(&gone)?;
        }
        Ok(found)
    }

    fn void_gone(&mut self, ids: &[&String]) -> Result<()> {
        self.gone += ids.len();
        let are_too_many = self.are_many(self.gone);
        if are_too_many && !ids.is_empty() {
            self.warn(&format!(
                "{} pages cannot be found any more: perhaps a permission was taken away, so their rows stay until a \
                 snapshot is closed",
                self.gone
            ));
        }
        for id in ids {
            if !are_too_many {
                self.writer.void_page(id)?;
                self.context.client.notify(&Note::Gone { page_id: id });
            }
            self.state.set_aside.remove(id, StreamSet::ALL);
            self.state.skipped.retain(|skipped| skipped != *id);
            self.pacer.record_rows(1);
        }
        Ok(())
    }

    /// Whether so many pages are more than may be gone at once.
    pub(super) fn are_many(&mut self, gone: usize) -> bool {
        let pages = self.state.pages.unwrap_or_default().max(self.run().pages);
        let pages = usize::try_from(pages).unwrap_or(usize::MAX);
        gone > MAX_GONE.max(pages / 20)
    }
}
