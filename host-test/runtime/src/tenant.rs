//! A tenant: the calls that share one budget.
//!
//! Every call has limits of its own (`Limits`). A tenant has a number of calls at once, and a sum of linear
//! memory for them; a call beyond that number waits for its turn. So whatever a call may hold (handles,
//! requests in flight, rows under way), a tenant may hold that many times, however many calls it starts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod pacer;

pub(crate) use pacer::{Pacer, Pause};

/// What all calls of one tenant together may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantLimits {
    /// Calls at once; one more waits.
    pub calls: usize,
    /// Bytes of linear memory.
    pub memory: usize,
    /// Look-ups of names at once, those included that nobody waits for any more.
    pub name_lookups: usize,
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self {
            calls: 4,
            memory: 256 << 20,
            name_lookups: 2,
        }
    }
}

/// A tenant. Clones are the same tenant.
#[derive(Debug, Clone)]
pub struct Tenant(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    limits: TenantLimits,
    calls: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
    memory: AtomicUsize,
    pacer: Pacer,
    log: Mutex<LogBudget>,
}

impl Default for Tenant {
    fn default() -> Self {
        Self::new(TenantLimits::default())
    }
}

impl Tenant {
    /// A tenant that is none of those that there are.
    #[must_use]
    pub fn new(limits: TenantLimits) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            limits,
            calls: Arc::new(Semaphore::new(limits.calls)),
            lookups: Arc::new(Semaphore::new(limits.name_lookups)),
            memory: AtomicUsize::new(0),
            pacer: Pacer::default(),
            log: Mutex::new(LogBudget::default()),
        }))
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// What all its calls together may use.
    #[must_use]
    pub fn limits(&self) -> TenantLimits {
        self.0.limits
    }

    /// Waits for a call's turn.
    pub(crate) async fn admit_call(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.calls).acquire_owned().await.ok()
    }

    /// Waits until one more name may be looked up.
    pub(crate) async fn admit_lookup(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.lookups).acquire_owned().await.ok()
    }

    /// Paces the connections that bring nothing but work.
    pub(crate) fn pacer(&self) -> &Pacer {
        &self.0.pacer
    }

    /// Takes linear memory out of the tenant's, if there is enough.
    pub(crate) fn take_memory(&self, bytes: usize) -> bool {
        let limit = self.0.limits.memory;
        let taken = self
            .0
            .memory
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= limit)
            });
        taken.is_ok()
    }

    /// Bytes of linear memory that its calls have now.
    #[must_use]
    pub fn memory_in_use(&self) -> usize {
        self.0.memory.load(Ordering::Relaxed)
    }

    pub(crate) fn give_back_memory(&self, bytes: usize) {
        self.0.memory.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether a line of the log may still be written for what this tenant's guests and servers do.
    pub(crate) fn may_log(&self) -> bool {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.spend(Instant::now())
    }
}

/// A token bucket.
#[derive(Debug)]
struct LogBudget {
    lines: u32,
    refilled: Option<Instant>,
}

/// Lines at once.
const LOG_BURST: u32 = 20;
/// After which one more line may be written.
const LOG_REFILL: Duration = Duration::from_secs(5);

impl Default for LogBudget {
    fn default() -> Self {
        Self {
            lines: LOG_BURST,
            refilled: None,
        }
    }
}

impl LogBudget {
    fn spend(&mut self, now: Instant) -> bool {
        let refilled = *self.refilled.get_or_insert(now);
        let waited = now.saturating_duration_since(refilled).as_secs() / LOG_REFILL.as_secs();
        if waited > 0 {
            let more = u32::try_from(waited).unwrap_or(LOG_BURST);
            self.lines = self.lines.saturating_add(more).min(LOG_BURST);
            self.refilled = Some(now);
        }
        let allowed = self.lines > 0;
        self.lines = self.lines.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_the_tenants_and_comes_back() {
        let tenant = Tenant::new(TenantLimits {
            memory: 100,
            ..TenantLimits::default()
        });
        let same = tenant.clone();
        assert!(tenant.take_memory(60));
        assert!(!same.take_memory(60));
        assert_eq!(same.memory_in_use(), 60);
        tenant.give_back_memory(60);
        assert!(same.take_memory(100));
        assert!(Tenant::default().id() != tenant.id());
    }

    #[test]
    fn lines_of_the_log_are_rationed() {
        let (mut log, begin) = (LogBudget::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let lines = (0..20_000).filter(|_| log.spend(at(0))).count();
        assert_eq!(lines, 20);
        assert!(log.spend(at(5)) && !log.spend(at(6)));
        assert_eq!((0..20_000).filter(|_| log.spend(at(10_000))).count(), 20);
    }
}
