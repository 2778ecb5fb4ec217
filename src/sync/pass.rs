//! A pass over listings: reads pages with their details ahead of their turn, and delivers them in order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::StreamExt as _;
use futures_util::stream::{FusedStream, unfold};

use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::client::Platform;
use crate::error::Result;
use crate::sink::Sink;
use crate::state::{Position, RecentRows, StreamSet, overlapped};
use crate::stream::Stream;
use crate::sync::context::{Context, Scope, hash_of};
use crate::sync::detail_reader::{DetailReader, Occasion};
use crate::sync::lookups::FoundBatch;
use crate::sync::page_details::{Abort, PageDetails};
use crate::sync::prefetch::OrderedPrefetch;
use crate::sync::reader::ListingReader;
use crate::sync::run::SyncRun;
use crate::sync::step::Step;
use crate::sync::work_item::{ListedPage, PageEnd, WorkItem};

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

/// What became of a [`WorkItem`].
enum Completed {
    Spaces(Vec<SpaceRow>),
    Page(Box<CompletedPage>),
    PageEnd(PageEnd),
    OutOfOrder,
}

struct CompletedPage {
    listed: ListedPage,
    /// The streams that it is delivered for.
    streams: StreamSet,
    outcome: Outcome,
}

enum Outcome {
    /// Delivered by an earlier run, and the same since.
    Known,
    Read(Box<PageDetails>),
    Gone,
}

enum Event {
    Completed(Result<Completed>),
    Users(FoundBatch),
}

impl<P: Platform, S: Sink> SyncRun<'_, P, S> {
    /// Reads these listings from the position of the scope on.
    pub(super) async fn pass(
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
            let (lookups, waits) = (&mut self.lookups, self.waits_for_lookups);
            let event = poll_fn(|waker| {
                if let Poll::Ready(Some(found)) = lookups.poll_next(waker) {
                    return Poll::Ready(Some(Event::Users(found)));
                }
                if waits {
                    // Requests that are in flight hold turns that the look-ups wait for: they must go on.
                    while let Poll::Ready(Some(completed)) = ahead.poll_next(waker) {
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

    fn deliver(&mut self, scope: Scope, completed: Completed) -> Result<()> {
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
            crate::endpoint::Endpoint::Spaces => Stream::Spaces,
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

    fn position(&mut self, scope: Scope) -> &mut Position {
        match (scope, &mut self.state.refresh) {
            (Scope::Snapshot, Some(refresh)) => &mut refresh.position,
            _ => &mut self.state.run.get_or_insert_default().position,
        }
    }

    fn pages_read(&mut self, scope: Scope) -> &mut u64 {
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

async fn process<P: Platform, S>(
    context: &Context<'_, P, S>,
    scope: Scope,
    known: &RecentRows,
    item: WorkItem,
) -> Result<Completed> {
    Ok(match item {
        WorkItem::Spaces(rows) => Completed::Spaces(rows),
        WorkItem::PageEnd(end) => Completed::PageEnd(end),
        WorkItem::OutOfOrder => Completed::OutOfOrder,
        WorkItem::Page(listed) => {
            let row = &listed.row;
            let streams = context.streams(scope, row);
            let outcome = if !known.is_empty() && known.contains(hash_of(row)?) {
                Outcome::Known
            } else {
                let (client, health) = (context.client, &context.health);
                let reader = DetailReader::new(client, health, Occasion::Listed);
                match reader.read(row, context.details(row, streams)).await {
                    Ok(details) => Outcome::Read(Box::new(details)),
                    Err(Abort::Gone) => Outcome::Gone,
                    Err(Abort::Fatal(error)) => return Err(error),
                }
            };
            Completed::Page(Box::new(CompletedPage {
                listed: *listed,
                streams,
                outcome,
            }))
        }
    })
}
