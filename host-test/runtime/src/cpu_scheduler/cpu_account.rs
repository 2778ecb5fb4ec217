//! What each tenant used of the processors, its calls and its connections together, and what it owes for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::TICK;
use super::run_queue::{RunQueue, nanos};
use crate::tenant::Tenant;

/// Debt above which a tenant is throttled. Who mostly waits for the network never owes as much.
const THROTTLED_FROM: Duration = Duration::from_millis(8);
/// Debt at which it may go on.
const RESUMED_AT: Duration = Duration::from_millis(4);
/// Debt at most: what it used long ago is forgotten.
const MOST: Duration = Duration::from_millis(40);
/// A throttled tenant pays at least this fraction of a processor: so much is left to it, however many others there are.
const LEAST_SHARE: u32 = 20;
/// Use after which a tenant is judged.
const JUDGED_AFTER: Duration = Duration::from_micros(200);
/// What others use meanwhile, if they are active.
const ACTIVE: Duration = Duration::from_micros(20);

/// The accounts of the tenants, by the tenant's id.
#[derive(Debug, Clone, Default)]
pub(super) struct CpuAccounts(Arc<Mutex<HashMap<u64, Arc<CpuAccount>>>>);

impl CpuAccounts {
    /// The account of a tenant. It outlives its calls, so that many short ones are no way out of a debt.
    pub(super) fn of(&self, tenant: &Tenant, run_queue: &Arc<RunQueue>) -> Arc<CpuAccount> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(&tenant.id()) {
            return Arc::clone(account);
        }
        // Those that nobody uses are removed by whoever comes next, at most as often as the map doubles.
        if accounts.len() == accounts.capacity() {
            accounts.retain(|_, account| Arc::strong_count(account) > 1 || account.owes());
        }
        let account = Arc::new(CpuAccount::new(Arc::clone(run_queue)));
        accounts.insert(tenant.id(), Arc::clone(&account));
        account
    }
}

/// What one tenant used and owes.
#[derive(Debug)]
pub(super) struct CpuAccount {
    run_queue: Arc<RunQueue>,
    /// Nanoseconds.
    used: AtomicU64,
    /// Nanoseconds since it was last judged.
    unjudged: AtomicU64,
    /// Calls under way.
    calls: AtomicU32,
    throttled: AtomicBool,
    debt: Mutex<Debt>,
}

/// What was used beyond the share.
#[derive(Debug, Default)]
struct Debt {
    owed: Duration,
    settled: Usage,
}

/// What was used until a moment.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    by_tenant: Duration,
    by_all: Duration,
    ticks: u32,
}

impl Debt {
    /// Adds what the tenant used since the last time, and takes off its share of what everybody used. What others used
    /// meanwhile.
    fn settle(&mut self, now: Usage, tenants: u32) -> Duration {
        let by_tenant = now.by_tenant.saturating_sub(self.settled.by_tenant);
        let by_all = now.by_all.saturating_sub(self.settled.by_all);
        let ticks = now.ticks.saturating_sub(self.settled.ticks);
        let share = (by_all / tenants.max(1)).max(TICK * ticks / LEAST_SHARE);
        self.owed = (self.owed + by_tenant).saturating_sub(share).min(MOST);
        self.settled = now;
        by_all.saturating_sub(by_tenant)
    }
}

impl CpuAccount {
    fn new(run_queue: Arc<RunQueue>) -> Self {
        let now = Usage {
            by_tenant: Duration::ZERO,
            by_all: run_queue.used(),
            ticks: run_queue.ticks(),
        };
        Self {
            run_queue,
            used: AtomicU64::new(0),
            unjudged: AtomicU64::new(0),
            calls: AtomicU32::new(0),
            throttled: AtomicBool::new(false),
            debt: Mutex::new(Debt {
                owed: Duration::ZERO,
                settled: now,
            }),
        }
    }

    pub(super) fn run_queue(&self) -> &RunQueue {
        &self.run_queue
    }

    pub(super) fn begin_call(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
            self.run_queue.tenant_begins();
        }
    }

    pub(super) fn end_call(&self) {
        if self.calls.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.run_queue.tenant_ends();
        }
    }

    /// Adds what a task of the tenant used, and throttles the tenant if it owes too much while others are active or
    /// wait for a processor.
    pub(super) fn charge(&self, used: Duration, others_wait: bool) {
        self.run_queue.add(used);
        self.used.fetch_add(nanos(used), Ordering::Relaxed);
        let unjudged = self.unjudged.fetch_add(nanos(used), Ordering::Relaxed);
        if unjudged.saturating_add(nanos(used)) < nanos(JUDGED_AFTER) {
            return;
        }
        self.unjudged.store(0, Ordering::Relaxed);
        let (owed, by_others) = self.settle();
        if owed > THROTTLED_FROM && (others_wait || by_others > ACTIVE) {
            self.throttled.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Lets the tenant go on if it has paid enough, or nobody else needs the processors.
    pub(super) fn resume_if(&self, idle: bool) {
        if self.settle().0 <= RESUMED_AT || idle {
            self.throttled.store(false, Ordering::Relaxed);
        }
    }

    fn owes(&self) -> bool {
        self.settle().0 > Duration::ZERO
    }

    /// What it owes, and what others used since the last time.
    fn settle(&self) -> (Duration, Duration) {
        let mut debt = self.debt();
        let now = Usage {
            by_tenant: Duration::from_nanos(self.used.load(Ordering::Relaxed)),
            by_all: self.run_queue.used(),
            ticks: self.run_queue.ticks(),
        };
        let by_others = debt.settle(now, self.run_queue.tenants());
        (debt.owed, by_others)
    }

    fn debt(&self) -> MutexGuard<'_, Debt> {
        // Durations hold whatever happened to who counted them.
        self.debt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_debt_is_what_was_used_beyond_the_share() {
        let mut debt = Debt::default();
        let mut now = Usage::default();
        let mut use_and_settle = |by_tenant, by_others, ticks, tenants| {
            now.by_tenant += ms(by_tenant);
            now.by_all += ms(by_tenant + by_others);
            now.ticks += ticks;
            let others = debt.settle(now, tenants);
            (debt.owed, others)
        };
        for (by_tenant, by_others, ticks, tenants, owed, why) in [
            (5, 5, 0, 2, 0, "half of it is the share of one of two"),
            (5, 0, 0, 5, 4, "a fifth of its own use is its share"),
            (0, 10, 0, 5, 2, "the share in what others use pays"),
            (0, 0, 20, 5, 0, "so does time: a twentieth of 40 ms"),
            (500, 0, 0, 2, 40, "what was used long ago is forgotten"),
        ] {
            let expected = (ms(owed), ms(by_others));
            assert_eq!(
                use_and_settle(by_tenant, by_others, ticks, tenants),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn who_owes_is_throttled_while_others_are_active_and_through_all_its_calls() {
        let (accounts, run_queue) = (CpuAccounts::default(), Arc::new(RunQueue::default()));
        let (greedy, modest) = (Tenant::default(), Tenant::default());
        let account = |tenant| accounts.of(tenant, &run_queue);
        for tenant in [&greedy, &modest] {
            account(tenant).begin_call();
        }
        account(&greedy).charge(ms(30), false);
        assert!(!account(&greedy).is_throttled(), "nobody else was active");
        account(&modest).charge(ms(1), false);
        account(&greedy).charge(ms(1), false);
        account(&greedy).end_call();
        assert!(account(&greedy).is_throttled());
        assert!(!account(&modest).is_throttled());
        account(&greedy).resume_if(false);
        assert!(account(&greedy).is_throttled());
        account(&modest).charge(ms(30), true);
        account(&greedy).resume_if(false);
        assert!(!account(&greedy).is_throttled(), "others had their share");
    }
}
