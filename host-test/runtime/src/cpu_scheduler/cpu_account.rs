//! What each tenant used of the processors, its calls and its connections together, and what it owes for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::TICK;
use super::run_queue::{Activity, RunQueue, WHOLE, nanos};
use super::stopwatch::Poll;
use crate::tenant::Tenant;

/// Debt above which a tenant is throttled. Who mostly waits for the network never owes as much.
const THROTTLED_FROM: Duration = Duration::from_millis(10);
/// Debt at which it may go on.
const RESUMED_AT: Duration = Duration::from_millis(4);
/// Debt at most: what it used long ago is forgotten.
const MOST: Duration = Duration::from_millis(40);
/// A poll that takes as long was ended by its epoch, not by something to wait for.
const LONG_POLL: Duration = Duration::from_millis(1);
/// How many times what it uses a long poll costs: who waits for the network comes first.
const LONG_POLL_FACTOR: u32 = 5;
/// What a poll costs besides what is used in it: its place in the executor's queue, and often a thread that is woken.
const WAKE_UP: Duration = Duration::from_micros(3);
/// A throttled tenant pays at least this fraction of a processor: so much is left to it, however many others there are.
const LEAST_SHARE: u32 = 20;
/// Use after which a tenant counts as active, and is judged.
const JUDGED_AFTER: Duration = Duration::from_millis(1);
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
    /// Nanoseconds of the processor that it was charged.
    charged: AtomicU64,
    /// Nanoseconds since it was last judged.
    unjudged: AtomicU64,
    /// Nanoseconds that its calls waited for a processor since then.
    waited: AtomicU64,
    throttled: AtomicBool,
    standing: Mutex<Standing>,
}

/// What changes together.
#[derive(Debug, Default)]
struct Standing {
    debt: Debt,
    activity: Activity,
}

/// What was used beyond the share.
#[derive(Debug, Default)]
struct Debt {
    owed: Duration,
    settled: Usage,
    /// What others are known to have used. A snapshot may miss some of it, and never holds too much.
    by_others: Duration,
}

/// What was charged until a moment, and how many ticks had passed.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    by_tenant: Duration,
    by_all: Duration,
    ticks: u32,
}

impl Debt {
    /// Adds what the tenant is charged since the last time, and takes off its share of what everybody is, where so many
    /// thousandths of tenants are active. What others are charged meanwhile.
    fn settle(&mut self, now: Usage, tenants: u32) -> Duration {
        let by_tenant = now.by_tenant.saturating_sub(self.settled.by_tenant);
        let by_all = now.by_all.saturating_sub(self.settled.by_all);
        let ticks = now.ticks.saturating_sub(self.settled.ticks);
        let share = (by_all / tenants.max(WHOLE) * WHOLE).max(TICK * ticks / LEAST_SHARE);
        self.owed = (self.owed + by_tenant).saturating_sub(share).min(MOST);
        self.settled = now;
        let by_others = now.by_all.saturating_sub(now.by_tenant);
        let since = by_others.saturating_sub(self.by_others);
        self.by_others = self.by_others.max(by_others);
        since
    }
}

impl CpuAccount {
    fn new(run_queue: Arc<RunQueue>) -> Self {
        let account = Self {
            run_queue,
            charged: AtomicU64::new(0),
            unjudged: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            throttled: AtomicBool::new(false),
            standing: Mutex::default(),
        };
        let settled = account.usage();
        account.standing().debt = Debt {
            settled,
            by_others: settled.by_all,
            ..Debt::default()
        };
        account
    }

    pub(super) fn run_queue(&self) -> &RunQueue {
        &self.run_queue
    }

    /// Adds what a task of the tenant used after it had waited for a processor, and throttles the tenant if it owes too much
    /// while others wait for one, or, where its polls are long, are active.
    pub(super) fn charge(&self, poll: Poll, waited: Duration, others_wait: bool) {
        let used = poll.used + WAKE_UP;
        self.waited.fetch_add(nanos(waited), Ordering::Relaxed);
        let factor = if used >= LONG_POLL {
            LONG_POLL_FACTOR
        } else {
            1
        };
        let charged = used * factor;
        self.charged.fetch_add(nanos(charged), Ordering::Release);
        self.run_queue.add(poll.elapsed, charged);
        let unjudged = self.unjudged.fetch_add(nanos(used), Ordering::Relaxed);
        let unjudged = Duration::from_nanos(unjudged.saturating_add(nanos(used)));
        if unjudged < JUDGED_AFTER {
            return;
        }
        self.unjudged.store(0, Ordering::Relaxed);
        let demand = unjudged + Duration::from_nanos(self.waited.swap(0, Ordering::Relaxed));
        let mut standing = self.standing();
        self.run_queue
            .record_activity(&mut standing.activity, demand);
        let by_others = self.settle(&mut standing);
        let makes_others_wait = others_wait || used >= LONG_POLL && by_others > ACTIVE;
        if standing.debt.owed > THROTTLED_FROM && makes_others_wait {
            self.throttled.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Lets the tenant go on, if it has paid enough or the processors are idle.
    pub(super) fn resume(&self, is_idle: bool) {
        let mut standing = self.standing();
        self.settle(&mut standing);
        if standing.debt.owed <= RESUMED_AT || is_idle {
            self.throttled.store(false, Ordering::Relaxed);
        }
    }

    fn owes(&self) -> bool {
        let mut standing = self.standing();
        self.settle(&mut standing);
        standing.debt.owed > Duration::ZERO
    }

    /// Brings the debt up to date; what others used since the last time.
    fn settle(&self, standing: &mut Standing) -> Duration {
        let now = self.usage();
        standing.debt.settle(now, self.run_queue.active_tenants())
    }

    fn usage(&self) -> Usage {
        // Before its part in it: what the tenant uses meanwhile must not be taken for others' use.
        let by_all = self.run_queue.charged();
        Usage {
            by_tenant: Duration::from_nanos(self.charged.load(Ordering::Acquire)),
            by_all,
            ticks: self.run_queue.ticks(),
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Numbers hold whatever happened to who counted them.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    const fn poll(used: Duration) -> Poll {
        Poll {
            used,
            elapsed: used,
        }
    }

    #[test]
    fn a_debt_is_what_was_used_beyond_the_share() {
        let mut debt = Debt::default();
        let mut now = Usage::default();
        let mut use_and_settle = |by_tenant, by_others, ticks, tenants| {
            now.by_tenant += ms(by_tenant);
            now.by_all += ms(by_tenant + by_others);
            now.ticks += ticks;
            let others = debt.settle(now, tenants * WHOLE);
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
    fn who_waits_for_the_network_owes_nothing_beside_one_that_never_does() {
        let (accounts, run_queue) = (CpuAccounts::default(), Arc::new(RunQueue::default()));
        let (greedy, modest) = (Tenant::default(), Tenant::default());
        let account = |tenant| accounts.of(tenant, &run_queue);
        for _ in 0..100 {
            account(&greedy).charge(poll(ms(4)), Duration::ZERO, false);
            for _ in 0..60 {
                account(&modest).charge(poll(Duration::from_micros(100)), Duration::ZERO, true);
            }
            assert!(!account(&modest).is_throttled());
        }
        assert!(account(&greedy).is_throttled());
    }

    #[test]
    fn who_is_alone_is_not_throttled() {
        let (accounts, run_queue) = (CpuAccounts::default(), Arc::new(RunQueue::default()));
        let account = accounts.of(&Tenant::default(), &run_queue);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        account.charge(poll(ms(2)), Duration::ZERO, false);
                    }
                });
            }
        });
        assert!(!account.is_throttled());
    }

    #[test]
    fn who_owes_is_throttled_while_others_are_active_and_through_all_its_calls() {
        let (accounts, run_queue) = (CpuAccounts::default(), Arc::new(RunQueue::default()));
        let (greedy, modest) = (Tenant::default(), Tenant::default());
        let account = |tenant| accounts.of(tenant, &run_queue);
        account(&greedy).charge(poll(ms(30)), Duration::ZERO, false);
        assert!(!account(&greedy).is_throttled(), "nobody else was active");
        account(&modest).charge(poll(ms(6)), Duration::ZERO, false);
        account(&greedy).charge(poll(ms(20)), Duration::ZERO, false);
        assert!(account(&greedy).is_throttled());
        assert!(!account(&modest).is_throttled());
        account(&greedy).resume(false);
        assert!(account(&greedy).is_throttled());
        for _ in 0..1_000 {
            account(&modest).charge(poll(Duration::from_micros(100)), Duration::ZERO, true);
        }
        account(&greedy).resume(false);
        assert!(!account(&greedy).is_throttled(), "others had their share");
        account(&modest).charge(poll(ms(1)), Duration::ZERO, false);
        account(&greedy).charge(poll(ms(10)), Duration::ZERO, true);
        account(&greedy).resume(true);
        assert!(!account(&greedy).is_throttled(), "nobody needs them");
    }
}
