//! When a checkpoint is written.

use std::time::Duration;

use crate::client::Platform;
use crate::error::Result;
use crate::note::Note;
use crate::sink::Sink;
use crate::sync::SyncRun;
use crate::timestamp::Timestamp;

/// A checkpoint is written at the latest when so many requests' worth of rows are delivered, so that a run that is
/// killed loses little.
const MAX_REQUESTS: usize = 32;
/// What a page adds at most, as a rule.
const PAGE: usize = 4;
/// A checkpoint is written after this time if anything changed, however slow the service is.
const INTERVAL: Duration = Duration::from_secs(5);
/// Bytes of a state. Where it would be longer, the accounts in it are looked up first.
const MAX_STATE: usize = 60 * 1024;

/// Decides when a checkpoint is due.
#[derive(Debug, Default)]
pub struct Pacer {
    /// The requests whose rows were delivered since the last checkpoint.
    requests: usize,
    has_changed: bool,
    last: Option<Timestamp>,
}

impl Pacer {
    /// Rows were delivered that cost so many requests.
    pub fn record_rows(&mut self, requests: usize) {
        self.requests += requests;
        self.has_changed = true;
    }

    /// The state has changed.
    pub fn record_change(&mut self) {
        self.has_changed = true;
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        let last = *self.last.get_or_insert(now);
        self.has_changed && (self.requests + PAGE > MAX_REQUESTS || now.since(last) >= INTERVAL)
    }

    fn restart(&mut self, now: Timestamp) {
        *self = Self {
            last: Some(now),
            ..Self::default()
        };
    }
}

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Writes a checkpoint if one is due.
    pub(super) async fn checkpoint_if_due(&mut self) -> Result<()> {
        if !self.pacer.is_due(self.context.client.now()) {
            return Ok(());
        }
        if self.state_text()?.len() > MAX_STATE {
            self.look_up_remaining().await?;
        }
        self.checkpoint()
    }

    /// Writes a checkpoint if anything has changed since the last one.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        if !self.pacer.has_changed {
            return Ok(());
        }
        let state = self.state_text()?;
        self.writer.flush()?;
        self.context.sink.checkpoint(&state)?;
        self.pacer.restart(self.context.client.now());
        self.report_progress();
        Ok(())
    }

    fn state_text(&mut self) -> Result<String> {
        let started = self.started();
        let accounts = self.writer.accounts.not_delivered();
        if let Some(run) = &mut self.state.run {
            run.started = started;
            run.accounts = accounts;
        }
        self.state.to_json()
    }

    fn report_progress(&self) {
        let Some(run) = &self.state.run else { return };
        let total = self
            .state
            .pages
            .filter(|_| self.context.selection.since().is_none());
        self.context.client.notify(&Note::Progress {
            done: run.pages,
            total,
        });
    }
}
