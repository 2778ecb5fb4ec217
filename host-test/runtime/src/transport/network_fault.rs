//! What is wrong between this host and a service.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::contract::FailureKind;

/// What is wrong between this host and the service, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkFault {
    pub(crate) message: String,
    /// The kind of failure, where only the host knows it.
    pub(crate) kind: Option<FailureKind>,
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
        if last.as_ref().is_none_or(|last| last.kind.is_none()) {
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
