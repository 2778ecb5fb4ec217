//! A run: reads what is selected in the order of the plan, delivers it, and leaves checkpoints behind.
//!
//! A checkpoint covers a gapless prefix of the plan, so a run that was stopped anywhere resumes there. Watermarks move
//! only at the very end, and never past the beginning of the run: what is edited while it lasts is caught by it or by
//! the next one.
//!
//! A full run is a snapshot in one go. An incremental run delivers what changed, then continues the snapshot that spans
//! runs, as far as its schedule says. A page whose details can't be read is set aside, and the next run begins with it.

use crate::client::{Client, Platform};
use crate::config::Config;
use crate::error::Result;
use crate::note::{Level, Note};
use crate::sink::Sink;
use crate::state::{Restored, State};
use crate::stream::Mode;

mod archived_or_trashed;
mod batches;
mod begin;
mod checkpoint;
mod close;
mod completed;
mod confirm;
mod context;
mod deliver_listed;
mod deliver_users;
mod detail_reader;
mod gone;
mod health;
mod lookups;
mod outcome;
mod pacer;
mod page_details;
mod pass;
mod per_stream;
mod plan;
mod prefetch;
mod purged;
mod reader;
mod refresh;
mod retry;
mod run;
mod schedule;
mod selection;
mod sort_order;
mod spaces;
mod step;
mod summary;
#[cfg(test)]
mod tests;
mod users;
mod whole_listing;
mod work_item;
mod writer;

pub(crate) use spaces::{chosen_spaces, no_space};

use context::Context;
use run::SyncRun;
use selection::Selection;
use summary::Summary;

/// Reads the selected streams into the sink. Returns the summary of the run as JSON.
///
/// # Errors
///
/// Whatever ends the run before its end, or what it could not deliver; the last checkpoint is where the next run
/// resumes. The details of the error hold the summary.
pub async fn sync<P: Platform, S: Sink>(
    platform: &P,
    sink: &S,
    config: &Config,
    selection: &[(String, Mode)],
    state: Option<&str>,
) -> Result<String> {
    let client = Client::new(platform, config);
    let mut summary = Summary::default();
    let result = run(&client, sink, selection, state, &mut summary).await;
    summary.requests = client.requests();
    summary.waited_ms = crate::timestamp::millis(client.waited());
    match result {
        Ok(()) => Ok(summary.to_json()),
        Err(error) => Err(error.with_details(summary.to_json())),
    }
}

async fn run<P: Platform, S: Sink>(
    client: &Client<'_, P>,
    sink: &S,
    selection: &[(String, Mode)],
    state: Option<&str>,
    summary: &mut Summary,
) -> Result<()> {
    let Restored { state, afresh } = State::restore(state, client.config())?;
    let selection = Selection::new(selection, &state)?;
    if let Some(message) = afresh {
        client.notify(&Note::Log {
            level: Level::Warn,
            message,
        });
    }
    let context = Context {
        client,
        sink,
        selection: &selection,
        spaces: chosen_spaces(client).await?,
        health: health::Health::default(),
        failed: std::cell::RefCell::default(),
    };
    let mut run = SyncRun::new(&context, state);
    let result = run.execute().await;
    run.summarize(summary);
    result
}

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    async fn execute(&mut self) -> Result<()> {
        let resumes = self.resume()?;
        self.retry_set_aside().await?;
        if !resumes && self.completes_spared_run() {
            return self.complete_spared_run().await;
        }
        if !resumes {
            self.begin()?;
        }
        self.doubt_spaces();
        self.read_listings().await?;
        self.reject_empty_site().await?;
        self.read_archived_or_trashed().await?;
        let refreshed = self.refresh().await?;
        self.confirm_vanished().await?;
        self.look_up_remaining().await?;
        self.close(refreshed)
    }
}
