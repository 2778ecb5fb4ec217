//! What each tenant used of the processor: its calls and its connections together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::run_queue::RunQueue;
use crate::tenant::Tenant;

/// The accounts of the tenants that have calls under way, by the tenant's id.
#[derive(Debug, Clone, Default)]
pub(super) struct CpuAccounts(Arc<Mutex<HashMap<u64, Weak<CpuAccount>>>>);

impl CpuAccounts {
    /// The account of a tenant, which lives as long as one of its calls.
    pub(super) fn of(&self, tenant: &Tenant, run_queue: &Arc<RunQueue>) -> Arc<CpuAccount> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(&tenant.id()).and_then(Weak::upgrade) {
            return account;
        }
        // Those that ended are swept by whoever comes next, at most as often as the map doubles.
        if accounts.len() == accounts.capacity() {
            accounts.retain(|_, account| account.strong_count() > 0);
        }
        let account = Arc::new(CpuAccount::new(Arc::clone(run_queue)));
        accounts.insert(tenant.id(), Arc::downgrade(&account));
        account
    }

    /// The account of a tenant with calls under way.
    pub(super) fn find(&self, tenant: &Tenant) -> Option<Arc<CpuAccount>> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&tenant.id()).and_then(Weak::upgrade)
    }
}

/// What one tenant used.
#[derive(Debug)]
pub(super) struct CpuAccount {
    nanos: AtomicU64,
    run_queue: Arc<RunQueue>,
}

impl CpuAccount {
    fn new(run_queue: Arc<RunQueue>) -> Self {
        run_queue.tenant_begins();
        Self {
            nanos: AtomicU64::new(0),
            run_queue,
        }
    }

    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    pub(super) fn add(&self, used: Duration) {
        let nanos = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Drop for CpuAccount {
    fn drop(&mut self) {
        self.run_queue.tenant_ends();
    }
}
