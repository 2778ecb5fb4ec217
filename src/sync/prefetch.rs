//! Work that is started ahead of its turn and delivered in order: bounded, and never drained.
//!
//! A source yields items in batches (the rows of a page of a listing). Up to `window` items are in flight at once,
//! and while they are, the source is asked for its next batch: a listing and the details of the listing before
//! overlap. Results come in the order of the items, so a consumer has a gapless prefix at any time. At most two
//! batches and `window` results are in memory.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream as _;
use futures_util::stream::{FusedStream, FuturesOrdered};

use crate::error::{Error, Result};

#[cfg(test)]
mod tests;

/// Items of the source `S`, started by `F` and completed as `Fut`.
pub(super) struct OrderedPrefetch<S, I, F, Fut: Future> {
    source: S,
    /// The error that ended the source. It is returned when everything before it is delivered.
    failed: Option<Error>,
    start: F,
    window: usize,
    /// The source is asked while no more than this many items are pending.
    reserve: usize,
    pending: VecDeque<I>,
    in_flight: FuturesOrdered<Fut>,
}

impl<S, I, F, Fut, T> OrderedPrefetch<S, I, F, Fut>
where
    S: FusedStream<Item = Result<Vec<I>>> + Unpin,
    F: Fn(I) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    /// Nothing is started before the first [`poll_next`](Self::poll_next).
    pub(super) fn new(source: S, window: usize, reserve: usize, start: F) -> Self {
        Self {
            source,
            failed: None,
            start,
            window,
            reserve,
            pending: VecDeque::new(),
            in_flight: FuturesOrdered::new(),
        }
    }

    /// Polls for the next result in order; nothing when all is done.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            self.fetch(context);
            while self.in_flight.len() < self.window
                && let Some(item) = self.pending.pop_front()
            {
                self.in_flight.push_back((self.start)(item));
            }
            match Pin::new(&mut self.in_flight).poll_next(context) {
                Poll::Ready(None) if !self.pending.is_empty() => {}
                Poll::Ready(None) if self.failed.is_some() || self.source.is_terminated() => {
                    return Poll::Ready(self.failed.take().map(Err));
                }
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                result @ Poll::Ready(Some(_)) => return result,
            }
        }
    }

    /// Polls what is in flight, and starts no other item. Nothing when no item is in flight.
    pub(super) fn poll_started(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.fetch(context);
        Pin::new(&mut self.in_flight).poll_next(context)
    }

    fn fetch(&mut self, context: &mut Context<'_>) {
        while self.pending.len() <= self.reserve
            && self.failed.is_none()
            && !self.source.is_terminated()
        {
            match Pin::new(&mut self.source).poll_next(context) {
                Poll::Ready(Some(Ok(batch))) => self.pending.extend(batch),
                Poll::Ready(Some(Err(error))) => self.failed = Some(error),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }
}
