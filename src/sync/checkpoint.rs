//! Checkpoints.

use std::time::Duration;

use crate::client::Platform;
use crate::error::Result;
use crate::note::Note;
use crate::sink::Sink;
use crate::sync::run::SyncRun;
use crate::timestamp::Timestamp;

/// Bytes of a state. Where it would be longer, the accounts in it are looked up first.
const MAX_STATE: usize = 60 * 1024;
/// How often a person is told how far the run is. A host may let a component wait that says more than somebody can read.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Writes a checkpoint if one is due. Where the state is too long, nothing more is delivered before the accounts in
    /// it are looked up.
    pub(super) fn checkpoint_if_due(&mut self) -> Result<()> {
        let is_due = self.pacer.is_due(self.context.client.now());
        if !is_due && !self.waits_for_lookups {
            return Ok(());
        }
        let state = self.state_text()?;
        if state.len() > MAX_STATE {
            self.start_all_lookups();
            self.waits_for_lookups = !self.lookups.is_empty();
            if self.waits_for_lookups {
                return Ok(());
            }
        }
        self.waits_for_lookups = false;
        self.write_checkpoint(&state)
    }

    /// Writes a checkpoint at the end of a phase if anything has changed since the last one.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        if !self.pacer.has_changed() {
            return Ok(());
        }
        self.progress_reported = None;
        let state = self.state_text()?;
        self.write_checkpoint(&state)
    }

    fn write_checkpoint(&mut self, state: &str) -> Result<()> {
        self.writer.flush()?;
        self.context.sink.checkpoint(state)?;
        let now = self.context.client.now();
        self.pacer.restart(now);
        self.report_progress(now);
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

    fn report_progress(&mut self, now: Timestamp) {
        let Some(run) = &self.state.run else { return };
        let is_early = |last| now.since(last) < PROGRESS_INTERVAL;
        if self.progress_reported.is_some_and(is_early) {
            return;
        }
        self.progress_reported = Some(now);
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
