//! A pass over listings: reads pages with their details ahead of their turn, and delivers them in order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::StreamExt as _;
use futures_util::stream::{FusedStream, unfold};

use crate::client::Platform;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::{Position, RecentRows};
use crate::sync::completed::{Completed, process};
use crate::sync::context::Scope;
use crate::sync::lookups::FoundBatch;
use crate::sync::prefetch::OrderedPrefetch;
use crate::sync::reader::ListingReader;
use crate::sync::run::SyncRun;
use crate::sync::step::Step;
use crate::sync::work_item::WorkItem;

/// Pages that have vanished are confirmed after so many: few, since an endpoint may say of every page that it is gone.
const MAX_VANISHED: usize = 20;

/// How much of the listings a pass reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) pages: u64,
    pub(super) requests: u64,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PassEnd {
    /// At the end of the listings, or at its limits.
    Done,
    /// The listing by modification is not in that order.
    OutOfOrder,
    /// So many pages have vanished that they must be confirmed before the pass goes on.
    ManyVanished,
}

enum Event {
    Completed(Result<Completed>),
    Users(FoundBatch),
}

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Reads these listings from the position of the scope on. Nothing is in flight at its end.
    pub(super) async fn pass(
        &mut self,
        steps: &[Step],
        scope: Scope,
        limits: Option<Limits>,
    ) -> Result<PassEnd> {
        let end = self.read(steps, scope, limits).await?;
        self.finish_lookups().await?;
        Ok(end)
    }

    async fn read(
        &mut self,
        steps: &[Step],
        scope: Scope,
        limits: Option<Limits>,
    ) -> Result<PassEnd> {
        let context = self.context;
        let known = self.known_rows(scope);
        let pages = limits.map(|limits| limits.pages);
        let position = self.position(scope).clone();
        let reader = ListingReader::new(context.client, &context.spaces, steps, position, pages);
        let reserve = context.client.config().page_size as usize / 2;
        let source = Box::pin(batches(reader));
        let mut ahead = OrderedPrefetch::new(source, context.window(), reserve, |item| {
            process(context, scope, &known, item)
        });
        let mut ready = VecDeque::new();
        let requests = context.client.requests();
        loop {
            let lookups = &mut self.lookups;
            let waits = self.waits_for_lookups && !lookups.is_empty();
            let event = poll_fn(|waker| {
                if let Poll::Ready(Some(found)) = lookups.poll_next(waker) {
                    return Poll::Ready(Some(Event::Users(found)));
                }
                if waits {
                    // Requests that are in flight hold turns that the look-ups wait for: they must go on.
                    while let Poll::Ready(Some(completed)) = ahead.poll_started(waker) {
                        ready.push_back(completed);
                    }
                    return Poll::Pending;
                }
                match ready.pop_front() {
                    Some(completed) => Poll::Ready(Some(Event::Completed(completed))),
                    None => ahead
                        .poll_next(waker)
                        .map(|done| done.map(Event::Completed)),
                }
            });
            match event.await {
                None => return Ok(PassEnd::Done),
                Some(Event::Users(found)) => self.deliver_users(found)?,
                Some(Event::Completed(completed)) => match completed? {
                    Completed::OutOfOrder => return Ok(PassEnd::OutOfOrder),
                    completed => self.deliver(scope, completed)?,
                },
            }
            self.start_lookups();
            self.checkpoint_if_due()?;
            if self.run().vanished.len() >= MAX_VANISHED {
                return Ok(PassEnd::ManyVanished);
            }
            let used = context.client.requests() - requests;
            if limits.is_some_and(|limits| used >= limits.requests) {
                return Ok(PassEnd::Done);
            }
        }
    }

    /// The rows that a pass need not deliver again.
    fn known_rows(&self, scope: Scope) -> RecentRows {
        match scope {
            Scope::Run if self.context.selection.since().is_some() => self.recent_rows(),
            _ => RecentRows::default(),
        }
    }

    /// What the last run delivered of everything that is now selected by modification.
    pub(super) fn recent_rows(&self) -> RecentRows {
        let partial = self.context.selection.partial();
        self.state.recent.valid_for(partial)
    }

    /// Where a pass of this scope goes on.
    pub(super) fn position(&mut self, scope: Scope) -> &mut Position {
        match (scope, &mut self.state.refresh) {
            (Scope::Snapshot, Some(refresh)) => &mut refresh.position,
            _ => &mut self.state.run.get_or_insert_default().position,
        }
    }

    /// How many pages passes of this scope have read.
    pub(super) fn pages_read(&mut self, scope: Scope) -> &mut u64 {
        match (scope, &mut self.state.refresh) {
            (Scope::Snapshot, Some(refresh)) => &mut refresh.pages,
            _ => &mut self.state.run.get_or_insert_default().pages,
        }
    }
}

fn batches<P: Platform>(
    reader: ListingReader<'_, P>,
) -> impl FusedStream<Item = Result<Vec<WorkItem>>> {
    unfold(reader, |mut reader| async {
        let batch = reader.next_batch().await.transpose()?;
        Some((batch, reader))
    })
    .fuse()
}
