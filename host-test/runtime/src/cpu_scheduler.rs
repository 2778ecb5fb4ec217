//! The processor, shared between tenants: slices of it, what each tenant used, and who yields.
//!
//! An epoch ends every [`TICK`], and a guest that runs then yields its thread. That alone shares the processor
//! evenly between tasks, which is not fair: beside neighbours that wait for the network most of the time and
//! need the processor for some 100 µs at once, a guest that loops would have half of it, and a tenant with
//! many calls would have many shares. So usage is counted by tenant, calls and connections together, wherever
//! it arises: in the guest, in the host's work for it, in making its instance. What a tenant uses beyond its
//! share is a debt, and others' use pays it off. A tenant that owes too much is throttled while others are
//! active; where the processors are idle, it goes on at full speed. Shares are equal among those who want a
//! processor, each counted by the part of the time that it wants one: what somebody who mostly sleeps leaves of
//! its share is the others'.

mod connection_tasks;
mod cpu_account;
mod run_queue;
mod stopwatch;
mod throttle;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, UpdateDeadline};

use crate::limits::Exceeded;
use crate::tenant::Tenant;
pub(crate) use connection_tasks::ConnectionTasks;
use cpu_account::{CpuAccount, CpuAccounts};
use run_queue::{CountingWaker, RunQueue};
use stopwatch::Stopwatch;
use throttle::Throttle;

/// How often a running guest lets its neighbours run.
const TICK: Duration = Duration::from_millis(2);
/// What polls take of one tick together where the processors are idle. Not what they use of the processor: on a machine
/// that does other things too, that is little however much they want.
const BUSY: Duration = Duration::from_millis(1);

/// Lets the epochs of an engine pass while calls are under way, as long as it lives.
pub(crate) struct EpochTicker {
    running: Arc<AtomicBool>,
    run_queue: Arc<RunQueue>,
    accounts: CpuAccounts,
    clock: Thread,
}

impl EpochTicker {
    pub(crate) fn start(engine: &Engine) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        let run_queue = Arc::new(RunQueue::default());
        let (engine, ticking, calls) =
            (engine.weak(), Arc::clone(&running), Arc::clone(&run_queue));
        let clock = thread::spawn(move || {
            while ticking.load(Ordering::Relaxed) {
                if calls.is_empty() {
                    thread::park();
                    continue;
                }
                thread::sleep(TICK);
                calls.tick();
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        });
        let clock = clock.thread().clone();
        Self {
            running,
            run_queue,
            accounts: CpuAccounts::default(),
            clock,
        }
    }

    /// The meter of a new call.
    pub(crate) fn meter(&self, tenant: &Tenant) -> CpuMeter {
        let account = self.accounts.of(tenant, &self.run_queue);
        let meter = CpuMeter {
            spent: Arc::default(),
            waker: Arc::new(CountingWaker::new(Arc::clone(&self.run_queue))),
            account,
        };
        self.clock.unpark();
        meter
    }

    /// Runs the connections of a tenant at its expense.
    pub(crate) fn connection_tasks(&self, tenant: &Tenant) -> ConnectionTasks {
        let account = self.accounts.of(tenant, &self.run_queue);
        ConnectionTasks::new(account, tenant.clone())
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
        self.clock.unpark();
    }
}

/// The processor time of one call.
#[derive(Debug, Clone)]
pub(crate) struct CpuMeter {
    spent: Arc<Mutex<Spent>>,
    waker: Arc<CountingWaker>,
    account: Arc<CpuAccount>,
}

#[derive(Debug, Default)]
struct Spent {
    /// In polls that are over.
    used: Duration,
    /// Of the poll under way.
    poll: Option<Stopwatch>,
}

impl Spent {
    /// In the poll under way.
    fn in_poll(&self) -> Duration {
        self.poll.map(Stopwatch::elapsed).unwrap_or_default()
    }
}

impl CpuMeter {
    pub(crate) fn used(&self) -> Duration {
        let spent = self.spent();
        spent.used + spent.in_poll()
    }

    /// What happens at the end of an epoch: the guest yields, and whether it goes on at once is decided where the call
    /// is polled.
    pub(crate) fn epoch_ends() -> UpdateDeadline {
        UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
    }

    /// Counts work for the call outside its polls.
    pub(crate) fn count(&self, work: impl FnOnce()) {
        self.begin_poll();
        work();
        self.end_poll(Duration::ZERO);
    }

    fn begin_poll(&self) {
        self.spent().poll = Some(Stopwatch::start());
    }

    /// What was used, with the poll that is over now and for which the call had waited.
    fn end_poll(&self, waited: Duration) -> Duration {
        let (used, in_poll) = {
            let mut spent = self.spent();
            let in_poll = spent.poll.take().map(Stopwatch::stop).unwrap_or_default();
            spent.used += in_poll.used;
            (spent.used, in_poll)
        };
        self.account
            .charge(in_poll, waited, self.waker.others_wait());
        used
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // Durations hold whatever happened to who counted them.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the time that a call spends running, throttles it where its tenant owes too much, and ends it at its limit.
/// An epoch's end makes a guest yield, so a poll takes little more than a tick, and waiting is not counted.
pub(crate) struct CpuLimited<'a, F> {
    run: Pin<&'a mut F>,
    meter: CpuMeter,
    throttle: Throttle,
    limit: Duration,
}

impl<'a, F> CpuLimited<'a, F> {
    pub(crate) fn new(run: Pin<&'a mut F>, meter: CpuMeter, limit: Duration) -> Self {
        Self {
            run,
            throttle: Throttle::new(Arc::clone(&meter.account)),
            meter,
            limit,
        }
    }
}

impl<F: Future> Future for CpuLimited<'_, F> {
    type Output = Result<F::Output, Exceeded>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        self.meter.waker.register(task.waker());
        if self.throttle.poll_admission(task).is_pending() {
            self.meter.waker.stop_waiting();
            return Poll::Pending;
        }
        let waited = self.meter.waker.admitted();
        self.meter.begin_poll();
        let waker = Waker::from(Arc::clone(&self.meter.waker));
        let polled = self.run.as_mut().poll(&mut Task::from_waker(&waker));
        let used = self.meter.end_poll(waited);
        match polled {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if used > self.limit => Poll::Ready(Err(Exceeded::Cpu(self.limit))),
            Poll::Pending => Poll::Pending,
        }
    }
}
