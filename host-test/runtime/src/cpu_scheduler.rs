//! The processor, shared between tenants: slices of it, what each tenant used, and who yields.
//!
//! An epoch ends every [`TICK`], and a guest that runs then yields its thread. That alone shares the processor
//! evenly between tasks, which is not fair: beside neighbours that wait for the network most of the time and
//! need the processor for some 100 µs at once, a guest that loops would have half of it, and a tenant with
//! many calls would have many shares. So usage is counted by tenant, connections and calls together. A task of
//! a tenant that used more than the tenant's share, while another call was waiting for a processor, is
//! throttled for [`THROTTLED_TICKS`] or until the processors are idle. Where nobody waits, it goes on at full
//! speed.

mod connection_tasks;
mod cpu_account;
mod run_queue;

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

/// How often a running guest lets its neighbours run.
const TICK: Duration = Duration::from_millis(2);
/// Processor time in one epoch above which a call counts as CPU-bound.
const BUSY: Duration = Duration::from_millis(1);
/// Ticks for which a task is throttled at most: a twentieth of a processor is left to it.
const THROTTLED_TICKS: usize = 20;

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
        ConnectionTasks::new(
            self.accounts.clone(),
            Arc::clone(&self.run_queue),
            tenant.clone(),
        )
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
    /// The thread's processor time when the poll under way began.
    polled: Option<Duration>,
    at_last_end: EpochEnd,
}

/// What was used when an epoch last ended.
#[derive(Debug, Clone, Copy, Default)]
struct EpochEnd {
    call: Duration,
    tenant: Duration,
    everybody: Duration,
}

impl Spent {
    /// In the poll under way.
    fn in_poll(&self) -> Duration {
        self.polled
            .map(|begun| processor_time().saturating_sub(begun))
            .unwrap_or_default()
    }
}

impl CpuMeter {
    pub(crate) fn used(&self) -> Duration {
        let spent = self.spent();
        spent.used + spent.in_poll()
    }

    /// What happens at the end of an epoch.
    pub(crate) fn epoch_ends(&self) -> UpdateDeadline {
        let over_share = self.is_over_share();
        UpdateDeadline::YieldCustom(1, Box::pin(self.clone().yield_or_throttle(over_share)))
    }

    fn is_over_share(&self) -> bool {
        let mut spent = self.spent();
        let (before, now) = (spent.at_last_end, self.now(&spent));
        spent.at_last_end = now;
        let call = now.call.saturating_sub(before.call);
        let tenant = now.tenant.saturating_sub(before.tenant);
        let everybody = now.everybody.saturating_sub(before.everybody);
        let run_queue = self.waker.run_queue();
        self.waker.others_wait() && call >= BUSY && tenant > run_queue.share(everybody)
    }

    fn now(&self, spent: &Spent) -> EpochEnd {
        let in_poll = spent.in_poll();
        EpochEnd {
            call: spent.used + in_poll,
            tenant: self.account.used() + in_poll,
            everybody: self.waker.run_queue().used() + in_poll,
        }
    }

    /// Lets others run: once, or for a while if this tenant had more than its share.
    async fn yield_or_throttle(self, over_share: bool) {
        tokio::task::yield_now().await;
        if !over_share {
            return;
        }
        throttle(self.waker.run_queue()).await;
        // Time spent throttled is no credit: one tick, and the call is judged anew.
        let mut spent = self.spent();
        spent.at_last_end = self.now(&spent);
    }

    fn begin_poll(&self, task: &Waker) {
        self.waker.polled(task);
        self.spent().polled = Some(processor_time());
    }

    /// What was used, with the poll that is over now.
    fn end_poll(&self) -> Duration {
        let mut spent = self.spent();
        let in_poll = spent.in_poll();
        spent.used += in_poll;
        spent.polled = None;
        self.account.add(in_poll);
        self.waker.run_queue().add(in_poll);
        spent.used
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // Durations hold whatever happened to who counted them.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the processors are idle, or for so many ticks.
async fn throttle(run_queue: &RunQueue) {
    for _ in 0..THROTTLED_TICKS {
        let before = run_queue.used();
        tokio::time::sleep(TICK).await;
        if run_queue.used().saturating_sub(before) < BUSY {
            break;
        }
    }
}

/// The processor time of this thread. Not the time that went by: a thread that is not alone on its processor
/// would pay for its neighbours.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Where there is no such clock, the time that went by.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}

/// Counts the time that a call spends running, and ends the call at its limit. An epoch's end makes a guest
/// yield, so a poll takes little more than a tick, and waiting isn't counted.
pub(crate) struct CpuLimited<'a, F> {
    pub(crate) run: Pin<&'a mut F>,
    pub(crate) meter: CpuMeter,
    pub(crate) limit: Duration,
}

impl<F: Future> Future for CpuLimited<'_, F> {
    type Output = Result<F::Output, Exceeded>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        self.meter.begin_poll(task.waker());
        let waker = Waker::from(Arc::clone(&self.meter.waker));
        let polled = self.run.as_mut().poll(&mut Task::from_waker(&waker));
        let used = self.meter.end_poll();
        match polled {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if used > self.limit => Poll::Ready(Err(Exceeded::Cpu(self.limit))),
            Poll::Pending => Poll::Pending,
        }
    }
}
