//! Look-ups of users that are in flight beside everything else.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::client::request::RequestError;
use crate::error::Result;
use crate::sync::users::UserBatch;

/// The result of a look-up.
pub(super) type FoundBatch = Result<UserBatch, RequestError>;

/// Look-ups in flight.
#[derive(Default)]
pub(super) struct Lookups<'a>(FuturesUnordered<Pin<Box<dyn Future<Output = FoundBatch> + 'a>>>);

impl<'a> Lookups<'a> {
    /// Starts a look-up.
    pub(super) fn push(&mut self, look_up: impl Future<Output = FoundBatch> + 'a) {
        self.0.push(Box::pin(look_up));
    }

    /// Polls for a look-up that is done; nothing where none is in flight.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<FoundBatch>> {
        self.0.poll_next_unpin(context)
    }

    /// Whether none is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next look-up that is done; nothing where none is in flight.
    pub(super) async fn next(&mut self) -> Option<FoundBatch> {
        self.0.next().await
    }

    /// Abandons all look-ups.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
