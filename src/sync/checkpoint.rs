//! Checkpoints.

use crate::client::Platform;
use crate::error::Result;
use crate::note::Note;
use crate::sink::Sink;
use crate::sync::run::SyncRun;

/// Bytes of a state. Where it would be longer, the accounts in it are looked up first.
const MAX_STATE: usize = 60 * 1024;

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

    /// Writes a checkpoint if anything has changed since the last one.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        if !self.pacer.has_changed() {
            return Ok(());
        }
        let state = self.state_text()?;
        self.write_checkpoint(&state)
    }

    fn write_checkpoint(&mut self, state: &str) -> Result<()> {
        self.writer.flush()?;
        self.context.sink.checkpoint(state)?;
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
