//! How a run begins: resumed, or afresh.

use crate::client::Platform;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::{RecentRows, Run, StreamSet};
use crate::stream::Stream;
use crate::sync::context::Scope;
use crate::sync::pass::PassEnd;
use crate::sync::plan::{Order, Plan};
use crate::sync::run::{SyncRun, beyond_the_plan};
use crate::sync::spaces::{any_space_visible, no_space};

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Goes on with the interrupted run that the state holds, if there is one with the same plan.
    pub(super) fn resume(&mut self) -> Result<bool> {
        let Some(run) = &mut self.state.run else {
            return Ok(false);
        };
        if run.plan != self.plan.hash {
            // It is given up: this one counts its own.
            run.rows_without_key = 0;
            return Ok(false);
        }
        if run.position.step > self.plan.steps.len() {
            return Err(beyond_the_plan());
        }
        for stream in run.stalled.iter() {
            self.context.health.mark_down(stream);
        }
        Ok(true)
    }

    /// Begins a run, and the snapshot of the streams that it reads whole.
    pub(super) fn begin(&mut self) -> Result<()> {
        let whole = self.context.selection.whole();
        self.resumed_from = None;
        self.plan = Plan::new(
            self.context.selection,
            &self.context.spaces,
            Order::Modified,
        );
        self.start_run(Order::Modified, whole);
        if let Some(refresh) = &mut self.state.refresh {
            refresh.streams = refresh.streams.difference(whole);
        }
        self.state
            .refresh
            .take_if(|refresh| refresh.streams.is_empty());
        self.state.spared = None;
        if !whole.is_empty() {
            let streams: Vec<Stream> = whole.iter().collect();
            self.context.sink.begin_snapshot(&streams)?;
            self.pacer.record_change();
        }
        if let Some(rows) = self.context.spaces.listed() {
            self.deliver_spaces(rows)?;
        }
        Ok(())
    }

    fn start_run(&mut self, order: Order, closable: StreamSet) {
        let before = self.state.run.take().unwrap_or_default();
        self.state.run = Some(Run {
            plan: self.plan.hash,
            full_listing: order == Order::Id,
            recent: RecentRows::of(self.selected()),
            vanished: before.vanished,
            rows_without_key: before.rows_without_key,
            closable,
            ..Run::default()
        });
    }

    /// Reads the listings of the plan; all of them, where their order can't be trusted.
    pub(super) async fn read_listings(&mut self) -> Result<()> {
        loop {
            let steps = self.plan.steps.clone();
            match self.pass(&steps, Scope::Run, None).await? {
                PassEnd::Done => return Ok(()),
                PassEnd::ManyVanished => {
                    self.confirm_vanished().await?;
                    continue;
                }
                PassEnd::OutOfOrder => {}
            }
            self.warn(
                "pages are not listed in the order of their modification: all of them are listed",
            );
            let (selection, spaces) = (self.context.selection, &self.context.spaces);
            self.plan = Plan::new(selection, spaces, Order::Id);
            let closable = self.run().closable;
            self.start_run(Order::Id, closable);
        }
    }

    /// A site where nothing at all can be seen is one without permission: to call it empty would have a
    /// destination sweep all it holds.
    pub(super) async fn reject_empty_site(&mut self) -> Result<()> {
        if self.run().any_row_seen {
            return Ok(());
        }
        let mut steps = self.plan.steps.iter();
        let spaces_listed = steps.any(|step| step.endpoint == Endpoint::Spaces);
        if spaces_listed || !any_space_visible(self.context.client).await? {
            return Err(no_space());
        }
        self.run().any_row_seen = true;
        Ok(())
    }
}
