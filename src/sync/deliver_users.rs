//! How users are looked up and delivered.

use crate::client::Platform;
use crate::client::request::RequestError;
use crate::error::{Error, Result};
use crate::note::{Level, Note};
use crate::sink::Sink;
use crate::stream::Stream;
use crate::sync::lookups::FoundBatch;
use crate::sync::run::SyncRun;
use crate::sync::users::look_up;

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Starts a look-up for each full batch of accounts.
    pub(super) fn start_lookups(&mut self) {
        while let Some(batch) = self.writer.accounts.take_full_batch() {
            self.lookups.push(look_up(self.context.client, batch));
        }
    }

    /// Starts look-ups for all accounts that are left.
    pub(super) fn start_all_lookups(&mut self) {
        self.start_lookups();
        while let Some(batch) = self.writer.accounts.take_batch() {
            self.lookups.push(look_up(self.context.client, batch));
        }
    }

    /// Looks up all accounts that are left.
    pub(super) async fn look_up_remaining(&mut self) -> Result<()> {
        self.start_all_lookups();
        self.finish_lookups().await
    }

    /// Waits for the look-ups in flight, where nothing else is. One that is left alone would hold back what comes next.
    pub(super) async fn finish_lookups(&mut self) -> Result<()> {
        while let Some(found) = self.lookups.next().await {
            self.deliver_users(found)?;
        }
        self.waits_for_lookups = false;
        Ok(())
    }

    /// Delivers the users of a batch. Where users can't be looked up, their stream stalls: the next run meets the
    /// accounts again.
    pub(super) fn deliver_users(&mut self, found: FoundBatch) -> Result<()> {
        let batch = match found {
            Ok(batch) => batch,
            Err(RequestError::Failed(error)) => {
                self.stall_users(error);
                self.lookups.clear();
                self.writer.accounts.abandon();
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.writer.accounts.delivered(&batch.accounts);
        self.writer.users(&batch.rows)?;
        self.pacer.record_rows(1);
        self.record_unreadable(&batch.unreadable);
        self.record_unusable(Stream::Users, batch.unusable);
        let requested = batch.accounts.len();
        if batch.unknown() > 0 {
            let message = format!(
                "{} of {requested} accounts are unknown to the service",
                batch.unknown()
            );
            self.context.client.notify(&Note::Log {
                level: Level::Info,
                message: &message,
            });
        }
        if batch.unrequested > 0 {
            self.warn(&format!(
                "{} users are dropped that were not asked for",
                batch.unrequested
            ));
        }
        if let Some(error) = batch.failures.into_iter().next() {
            self.stall_users(error);
        }
        Ok(())
    }

    fn stall_users(&mut self, error: Error) {
        *self.stall_causes.of_mut(Stream::Users) = Some(error.into_facts().message);
        self.stall(Stream::Users);
        // The next run lists the others again, since the watermark stays.
        for id in std::mem::take(&mut self.retried) {
            if self.state.set_aside.has_room_for(&id) {
                let versions = [Stream::PageVersions].into_iter().collect();
                let reason = "its accounts could not be looked up";
                self.state.set_aside.add(&id, versions, reason);
            }
        }
    }
}
