//! A run: reads what is selected in the order of the plan, delivers it, and leaves checkpoints behind.
//!
//! A checkpoint covers a gapless prefix of the plan, so a run that was stopped anywhere resumes there. Watermarks move
//! only at the very end, and never past the beginning of the run: what is edited while it lasts is caught by it or by
//! the next one.
//!
//! A full run is a snapshot in one go. An incremental run delivers what changed, then continues the snapshot that spans
//! runs, as far as its schedule says. A page whose details can't be read is set aside, and the next run begins with it.

use std::collections::HashMap;

use crate::client::{Client, Platform};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::note::{Level, Note};
use crate::sink::Sink;
use crate::state::{Restored, Run, State, StreamSet};
use crate::stream::{Mode, Stream};
use crate::timestamp::Timestamp;

mod archived_or_trashed;
mod batches;
mod begin;
mod checkpoint;
mod close;
mod confirm;
mod context;
mod health;
mod lookups;
mod outcome;
mod page_details;
mod pass;
mod plan;
mod prefetch;
mod reader;
mod refresh;
mod retry;
mod schedule;
mod spaces;
mod summary;
#[cfg(test)]
mod tests;
mod users;
mod writer;

pub use spaces::{any_space_visible, chosen_spaces, no_space};

use checkpoint::Pacer;
use context::Context;
use lookups::Lookups;
use plan::{Order, Plan, Selection};
use summary::Summary;
use users::Accounts;
use writer::RowWriter;

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
    let Restored {
        state,
        spaces_changed,
    } = State::restore(state, client.config())?;
    let selection = Selection::new(selection, &state)?;
    if spaces_changed {
        let message =
            "the choice of spaces has changed since the last run: everything is read afresh";
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

/// A run under way.
struct SyncRun<'a, P, S> {
    context: &'a Context<'a, P, S>,
    plan: Plan,
    /// What every checkpoint holds; the run is part of it.
    state: State,
    /// When the run began that this one resumes.
    resumed_from: Option<Timestamp>,
    writer: RowWriter<'a, S>,
    lookups: Lookups<'a>,
    pacer: Pacer,
    /// Pages set aside by this run, by the detail they lack, as long as its endpoint has not succeeded.
    probes: HashMap<Stream, Vec<String>>,
    summary: Summary,
    /// What was not delivered when the run was finished.
    unfinished: close::Unfinished,
    /// Refused views and states by space id.
    refused: HashMap<String, std::collections::BTreeMap<&'static str, u64>>,
    /// Keys of spaces by their ids, as far as they were listed.
    space_keys: HashMap<String, String>,
}

impl<'a, P: Platform, S: Sink> SyncRun<'a, P, S> {
    fn new(context: &'a Context<'a, P, S>, mut state: State) -> Self {
        let order = match &state.run {
            Some(run) if run.full_listing => Order::Id,
            _ => Order::Modified,
        };
        let plan = Plan::new(context.selection, &context.spaces, order);
        let accounts = state
            .run
            .as_mut()
            .map(|run| std::mem::take(&mut run.accounts));
        let accounts = Accounts::resume(accounts.unwrap_or_default());
        Self {
            context,
            plan,
            state,
            resumed_from: None,
            writer: RowWriter::new(context.selection, context.sink, accounts),
            lookups: Lookups::default(),
            pacer: Pacer::default(),
            probes: HashMap::new(),
            summary: Summary::default(),
            unfinished: close::Unfinished::default(),
            refused: HashMap::new(),
            space_keys: HashMap::new(),
        }
    }

    async fn execute(&mut self) -> Result<()> {
        let resumes = self.resumes_run()?;
        self.retry_set_aside().await?;
        if !resumes && self.completes_spared_run() {
            return self.complete_spared_run().await;
        }
        if resumes {
            self.resumed_from = self.state.run.as_ref().map(|run| run.started);
        } else {
            self.begin()?;
        }
        self.read_listings().await?;
        self.reject_empty_site().await?;
        self.read_archived_or_trashed().await?;
        let refreshed = self.refresh().await?;
        self.look_up_remaining().await?;
        self.confirm_vanished().await?;
        self.look_up_remaining().await?;
        self.close(refreshed).await
    }

    /// The run under way.
    fn run(&mut self) -> &mut Run {
        self.state.run.get_or_insert_default()
    }

    /// When this run began, by the service's clock. A wrong clock here loses nothing.
    fn started(&self) -> Timestamp {
        let now = self.context.client.started_at();
        self.resumed_from.unwrap_or(now)
    }

    fn selected(&self) -> StreamSet {
        self.context.selection.streams()
    }

    fn warn(&self, message: &str) {
        self.context.client.notify(&Note::Log {
            level: Level::Warn,
            message,
        });
    }
}

/// The error of a state whose position is not in its plan.
fn beyond_the_plan() -> Error {
    Error::new(
        crate::error::Kind::InvalidState,
        "the state has a position beyond the listings of its run; start afresh without a state",
    )
}
