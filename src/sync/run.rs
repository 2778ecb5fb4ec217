//! A run under way: what all its phases share.

use std::collections::HashSet;

use crate::client::Platform;
use crate::error::{Error, Kind};
use crate::note::{Level, Note};
use crate::sink::Sink;
use crate::state::{Run, State, StreamSet};
use crate::stream::Stream;
use crate::sync::context::Context;
use crate::sync::lookups::Lookups;
use crate::sync::pacer::Pacer;
use crate::sync::per_stream::PerStream;
use crate::sync::plan::{Order, Plan};
use crate::sync::summary::Summary;
use crate::sync::users::Accounts;
use crate::sync::writer::RowWriter;
use crate::timestamp::Timestamp;

/// A run under way.
pub(super) struct SyncRun<'a, P, S> {
    pub(super) context: &'a Context<'a, P, S>,
    pub(super) plan: Plan,
    /// What every checkpoint holds; the run is part of it.
    pub(super) state: State,
    /// When the interrupted run began that the state holds, until another one takes its place.
    pub(super) resumed_from: Option<Timestamp>,
    pub(super) writer: RowWriter<'a, S>,
    pub(super) lookups: Lookups<'a>,
    pub(super) pacer: Pacer,
    /// When a person was last told how far it is.
    pub(super) progress_reported: Option<Timestamp>,
    /// Whether a checkpoint waits for accounts that are being looked up.
    pub(super) waits_for_lookups: bool,
    /// Pages set aside by this run, by the detail they lack, as long as its endpoint has not succeeded.
    pub(super) probes: PerStream<Vec<String>>,
    /// Why endpoints were left alone in this run.
    pub(super) stall_causes: PerStream<Option<String>>,
    /// Pages that were set aside and are read now, whose accounts no listing of this run names.
    pub(super) retried: Vec<String>,
    /// How many pages this run could not find any more.
    pub(super) gone: usize,
    /// The authors of the spaces that were listed.
    pub(super) space_authors: HashSet<String>,
    pub(super) summary: Summary,
    /// What was not delivered when the run was finished.
    pub(super) unfinished: Unfinished,
}

impl<'a, P: Platform, S: Sink> SyncRun<'a, P, S> {
    /// A run from this state on.
    pub(super) fn new(context: &'a Context<'a, P, S>, mut state: State) -> Self {
        let order = match &state.run {
            Some(run) if run.full_listing => Order::Id,
            _ => Order::Modified,
        };
        let plan = Plan::new(context.selection, &context.spaces, order);
        let interrupted = state.run.as_mut();
        let mut accounts = interrupted
            .map(|run| std::mem::take(&mut run.accounts))
            .unwrap_or_default();
        if !context.selection.has(Stream::Users) {
            accounts.clear();
        }
        let resumed_from = state.run.as_ref().map(|run| run.started);
        Self {
            context,
            plan,
            state,
            resumed_from,
            writer: RowWriter::new(context.selection, context.sink, Accounts::resume(accounts)),
            lookups: Lookups::default(),
            pacer: Pacer::default(),
            progress_reported: None,
            waits_for_lookups: false,
            probes: PerStream::default(),
            stall_causes: PerStream::default(),
            retried: Vec::new(),
            gone: 0,
            space_authors: HashSet::new(),
            summary: Summary::default(),
            unfinished: Unfinished::default(),
        }
    }

    /// The run under way.
    pub(super) fn run(&mut self) -> &mut Run {
        self.state.run.get_or_insert_default()
    }

    /// When this run began, or the one that it resumes, by the service's clock.
    pub(super) fn started(&self) -> Timestamp {
        let now = self.context.client.started_at();
        self.resumed_from.map_or(now, |started| started.min(now))
    }

    /// The selected streams.
    pub(super) fn selected(&self) -> StreamSet {
        self.context.selection.streams()
    }

    /// Warns a person.
    pub(super) fn warn(&self, message: &str) {
        self.context.client.notify(&Note::Log {
            level: Level::Warn,
            message,
        });
    }
}

/// What a finished run did not deliver, besides pages set aside.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unfinished {
    /// Streams whose endpoint failed for every page.
    pub(super) stalled: StreamSet,
    /// Rows without a key.
    pub(super) rows_without_key: u64,
}

/// The error of a state whose position is not in its plan.
#[must_use]
pub(super) fn beyond_the_plan() -> Error {
    Error::new(
        Kind::InvalidState,
        "the state has a position beyond the listings of its run; start afresh without a state",
    )
}
