//! What is wrong between this host and a service.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::contract::FailureKind;

/// What is wrong between this host and the service, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkFault {
    pub(crate) message: String,
    /// The kind of failure, where only the host knows it.
    pub(crate) kind: Option<FailureKind>,
    /// When another try makes sense, where somebody said so.
    pub(crate) retry_at: Option<Instant>,
}

impl NetworkFault {
    /// Whether it stays until a person acts.
    fn is_final(&self) -> bool {
        let transient = [FailureKind::Unavailable, FailureKind::RateLimited];
        self.kind.is_some_and(|kind| !transient.contains(&kind))
    }

    /// Milliseconds until then.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        let wait = self.retry_at?.saturating_duration_since(Instant::now());
        u64::try_from(wait.as_millis())
            .ok()
            .filter(|wait| *wait > 0)
    }
}

/// The last fault of a call. One that only a person can mend stays, whatever was still on its way then.
#[derive(Debug, Default)]
pub(super) struct LastFault(Mutex<Option<NetworkFault>>);

impl LastFault {
    pub(super) fn get(&self) -> Option<NetworkFault> {
        self.lock().clone()
    }

    pub(super) fn set(&self, fault: Option<NetworkFault>) {
        let mut last = self.lock();
        if !last.as_ref().is_some_and(NetworkFault::is_final) {
            *last = fault;
        }
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<NetworkFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
