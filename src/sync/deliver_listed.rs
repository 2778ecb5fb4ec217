//! How what is listed is delivered, and how far that moves the position of the pass.

use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::client::Platform;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::overlapped;
use crate::stream::Stream;
use crate::sync::completed::{Completed, CompletedPage, Outcome};
use crate::sync::context::{Scope, hash_of};
use crate::sync::run::SyncRun;
use crate::sync::work_item::PageEnd;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Delivers what a pass has read.
    pub(super) fn deliver(&mut self, scope: Scope, completed: Completed) -> Result<()> {
        match completed {
            Completed::Spaces(rows) => self.deliver_spaces(&rows),
            Completed::Page(page) => self.deliver_page(scope, *page),
            Completed::PageEnd(end) => {
                self.deliver_page_end(scope, end);
                Ok(())
            }
            Completed::OutOfOrder => Ok(()),
        }
    }

    /// Delivers spaces, and remembers their authors.
    pub(super) fn deliver_spaces(&mut self, rows: &[SpaceRow]) -> Result<()> {
        self.run().any_row_seen |= !rows.is_empty();
        let authors = rows.iter().filter_map(|row| row.author_id.clone());
        self.space_authors.extend(authors);
        self.pacer.record_change();
        self.writer.spaces(rows)
    }

    fn deliver_page_end(&mut self, scope: Scope, end: PageEnd) {
        *self.position(scope) = end.position;
        self.run().any_row_seen |= end.any_row;
        self.record_unreadable(&end.unreadable);
        let stream = match end.endpoint {
            Endpoint::Spaces => Stream::Spaces,
            _ => Stream::Pages,
        };
        self.record_unusable(stream, end.unusable);
        self.pacer.record_rows(1);
    }

    fn deliver_page(&mut self, scope: Scope, page: CompletedPage) -> Result<()> {
        let CompletedPage {
            listed,
            streams,
            outcome,
        } = page;
        let row = &listed.row;
        match &outcome {
            Outcome::Known => self.pacer.record_change(),
            Outcome::Read(details) => self.deliver_details(row, details, streams)?,
            Outcome::Gone => {
                self.run().vanished.push(row.source_id.clone());
                self.pacer.record_rows(1);
            }
        }
        match scope {
            Scope::Run => {
                let read = matches!(outcome, Outcome::Read(_) | Outcome::Known);
                self.remember(row, read)?;
                self.record_delivered(&row.source_id);
            }
            Scope::Snapshot => self.record_listed(&row.source_id),
        }
        self.position(scope).resume_after = listed.resume_after;
        *self.pages_read(scope) += 1;
        Ok(())
    }

    /// Remembers a row for the next run, so that it need not deliver it again.
    fn remember(&mut self, row: &PageRow, read: bool) -> Result<()> {
        let run = self.run();
        run.newest = run.newest.max(row.modified);
        let times = row.modified.zip(run.newest).filter(|_| read);
        let times = times.filter(|(modified, newest)| *modified >= overlapped(*newest));
        if !row.is_archived_or_trashed() && times.is_none() {
            return Ok(());
        }
        let hash = hash_of(row)?;
        if row.is_archived_or_trashed() {
            run.recent.archived_or_trashed.toggle(&row.source_id, hash);
        }
        if let Some((modified, newest)) = times {
            run.recent.remember(hash, modified, newest);
        }
        Ok(())
    }
}
