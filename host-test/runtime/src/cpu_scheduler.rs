//! The processor, shared between calls: slices of it, what each call used, and who stands aside.
//!
//! An epoch ends every [`TICK`], and a guest that runs then is taken off the processor. That alone shares it
//! evenly between tasks, which is not fair: beside neighbours that wait for the network most of the time and
//! need it for some 100 µs at once, a guest that loops would have half of it. So a call that had more than
//! its part of the processors, while another was waiting for one, stands aside for [`TURNS`] ticks or until
//! the processors are idle. Where nobody waits, it goes on at full speed.

mod run_queue;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, UpdateDeadline};

use crate::limits::Exceeded;
use run_queue::{CountingWaker, RunQueue};

/// How often a running guest lets its neighbours run.
const TICK: Duration = Duration::from_millis(2);
/// Who needed the processor for as long as this between two ends of an epoch is taken for busy.
const BUSY: Duration = Duration::from_millis(1);
/// EpochTicker that a busy call stands aside for at most: a twentieth of a processor is left to it.
const TURNS: usize = 20;

/// Lets the epochs of an engine pass while calls are under way, as long as it lives.
pub(crate) struct EpochTicker {
    go_on: Arc<AtomicBool>,
    run_queue: Arc<RunQueue>,
    clock: Thread,
}

impl EpochTicker {
    pub(crate) fn begin(engine: &Engine) -> Self {
        let go_on = Arc::new(AtomicBool::new(true));
        let run_queue = Arc::new(RunQueue::default());
        let (engine, ticking, calls) = (engine.weak(), Arc::clone(&go_on), Arc::clone(&run_queue));
        let clock = thread::spawn(move || {
            while ticking.load(Ordering::Relaxed) {
                if calls.is_none() {
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
            go_on,
            run_queue,
            clock,
        }
    }

    /// The meter of a new call.
    pub(crate) fn meter(&self) -> CpuMeter {
        let meter = CpuMeter {
            spent: Arc::default(),
            waker: Arc::new(CountingWaker::new(Arc::clone(&self.run_queue))),
        };
        self.clock.unpark();
        meter
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.go_on.store(false, Ordering::Relaxed);
        self.clock.unpark();
    }
}

/// What one call has had of the processor.
#[derive(Debug, Clone)]
pub(crate) struct CpuMeter {
    spent: Arc<Mutex<Spent>>,
    waker: Arc<CountingWaker>,
}

#[derive(Debug, Default)]
struct Spent {
    /// In polls that are over.
    used: Duration,
    /// The thread's processor time when the poll under way began.
    polled: Option<Duration>,
    /// What was used when an epoch last ended, by this call and by all.
    at_last_end: (Duration, Duration),
}

impl Spent {
    fn until_now(&self) -> Duration {
        let polled = self
            .polled
            .map(|begun| processor_time().saturating_sub(begun));
        self.used + polled.unwrap_or_default()
    }
}

impl CpuMeter {
    pub(crate) fn used(&self) -> Duration {
        self.spent().until_now()
    }

    /// What happens at the end of an epoch.
    pub(crate) fn epoch_ends(&self) -> UpdateDeadline {
        let run_queue = self.waker.run_queue();
        let mut spent = self.spent();
        let ends = (spent.until_now(), run_queue.used());
        let mine = ends.0.saturating_sub(spent.at_last_end.0);
        let all = ends.1.saturating_sub(spent.at_last_end.1) + mine;
        spent.at_last_end = ends;
        let over_share = self.waker.others_wait() && mine >= BUSY && mine > run_queue.part(all);
        UpdateDeadline::YieldCustom(1, Box::pin(self.clone().yield_or_throttle(over_share)))
    }

    /// Lets others run: once, or, whoever is in their way, for a while.
    async fn yield_or_throttle(self, over_share: bool) {
        tokio::task::yield_now().await;
        if !over_share {
            return;
        }
        let run_queue = self.waker.run_queue();
        for _ in 0..TURNS {
            let before = run_queue.used();
            tokio::time::sleep(TICK).await;
            if run_queue.used().saturating_sub(before) < BUSY {
                break;
            }
        }
        // Time spent aside earns no credit: one tick, and the call is judged anew.
        let mut spent = self.spent();
        spent.at_last_end = (spent.until_now(), run_queue.used());
    }

    fn begin(&self, task: &Waker) {
        self.waker.answer(task);
        self.spent().polled = Some(processor_time());
    }

    /// What was used, with the poll that is over now.
    fn end(&self) -> Duration {
        let mut spent = self.spent();
        let before = spent.used;
        spent.used = spent.until_now();
        spent.polled = None;
        self.waker
            .run_queue()
            .add(spent.used.saturating_sub(before));
        spent.used
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // Durations hold whatever happened to who counted them.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this thread has had of the processor. Not what went by: a thread that is not alone on its processor
/// would pay for its neighbours.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Where there is no such clock, what went by.
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
        self.meter.begin(task.waker());
        let waker = Waker::from(Arc::clone(&self.meter.waker));
        let polled = self.run.as_mut().poll(&mut Task::from_waker(&waker));
        let used = self.meter.end();
        match polled {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if used > self.limit => Poll::Ready(Err(Exceeded::Cpu(self.limit))),
            Poll::Pending => Poll::Pending,
        }
    }
}
