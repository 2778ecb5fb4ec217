//! Work that is done ahead of its turn and delivered in its turn: bounded, ordered, and never drained.
//!
//! A source yields pieces of work in bunches (the rows of a page of a listing). Up to `window` pieces are
//! under way at once, and while they are, the source is asked for its next bunch: a listing and the details
//! of the listing before overlap. Results come in the order of the pieces, so that whoever consumes them has
//! a gapless prefix at any time. At most two bunches and `window` results are in memory.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream as _;
use futures_util::stream::{FusedStream, FuturesOrdered};

use crate::error::{Error, Result};

#[cfg(test)]
mod tests;

/// Pieces of work from `S`, begun by `F`, done as `Fut`.
pub struct LookAhead<S, P, F, Fut: Future> {
    source: S,
    /// The error that ended the source: its turn comes when all before it is delivered.
    failed: Option<Error>,
    begin: F,
    window: usize,
    /// The source is asked while no more than this many pieces wait.
    reserve: usize,
    waiting: VecDeque<P>,
    running: FuturesOrdered<Fut>,
}

impl<S, P, F, Fut, T> LookAhead<S, P, F, Fut>
where
    S: FusedStream<Item = Result<Vec<P>>> + Unpin,
    F: Fn(P) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    /// Nothing is begun before the first [`next`](Self::next).
    pub fn new(source: S, window: usize, reserve: usize, begin: F) -> Self {
        Self {
            source,
            failed: None,
            begin,
            window,
            reserve,
            waiting: VecDeque::new(),
            running: FuturesOrdered::new(),
        }
    }

    /// Adds a piece of work behind all that is under way.
    pub fn push(&mut self, piece: P) {
        self.running.push_back((self.begin)(piece));
    }

    /// The next result in order; nothing when all is done.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            self.fetch(context);
            while self.running.len() < self.window
                && let Some(piece) = self.waiting.pop_front()
            {
                self.push(piece);
            }
            match Pin::new(&mut self.running).poll_next(context) {
                Poll::Ready(None) if !self.waiting.is_empty() => {}
                Poll::Ready(None) if self.failed.is_some() || self.source.is_terminated() => {
                    return Poll::Ready(self.failed.take().map(Err));
                }
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                result @ Poll::Ready(Some(_)) => return result,
            }
        }
    }

    fn fetch(&mut self, context: &mut Context<'_>) {
        while self.waiting.len() <= self.reserve
            && self.failed.is_none()
            && !self.source.is_terminated()
        {
            match Pin::new(&mut self.source).poll_next(context) {
                Poll::Ready(Some(Ok(bunch))) => self.waiting.extend(bunch),
                Poll::Ready(Some(Err(error))) => self.failed = Some(error),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }
}
