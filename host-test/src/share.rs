//! The processor, shared between calls: slices of it, what each call used, and who stands aside.
//!
//! An epoch ends every [`TICK`], and a guest that runs then is taken off the processor. That alone shares it
//! evenly between tasks, which is not fair: beside neighbours that wait for the network most of the time and
//! need it for some 100 µs at once, a guest that loops would have half of it. So a call that had the
//! processor for most of a tick while another call was waiting for one stands aside for [`TURNS`] ticks, or
//! until the processors are idle. Where nobody waits, it goes on at full speed.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use wasmtime::{Engine, UpdateDeadline};

use crate::limits::Exceeded;

/// How often a running guest lets its neighbours run.
const TICK: Duration = Duration::from_millis(10);
/// Who needed the processor for as long as this between two ends of an epoch is taken for busy.
const BUSY: Duration = Duration::from_millis(5);
/// Ticks that a busy call stands aside for at most: a twentieth of a processor is left to it.
const TURNS: usize = 20;

/// Lets the epochs of an engine pass as long as it lives.
pub(crate) struct Ticks {
    go_on: Arc<AtomicBool>,
    demand: Arc<Demand>,
}

impl Ticks {
    pub(crate) fn begin(engine: &Engine) -> Self {
        let go_on = Arc::new(AtomicBool::new(true));
        let (engine, ticking) = (engine.weak(), Arc::clone(&go_on));
        std::thread::spawn(move || {
            while ticking.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        });
        let demand = Arc::default();
        Self { go_on, demand }
    }

    /// The share of a new call.
    pub(crate) fn share(&self) -> Share {
        let bell = Bell {
            demand: Arc::clone(&self.demand),
            rung: AtomicBool::new(false),
            task: AtomicWaker::new(),
        };
        Share {
            spent: Arc::default(),
            bell: Arc::new(bell),
        }
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.go_on.store(false, Ordering::Relaxed);
    }
}

/// What the calls of an engine want of the processors together.
#[derive(Debug, Default)]
struct Demand {
    /// Calls that could go on, and have no processor yet.
    waiting: AtomicUsize,
    /// Microseconds that calls have run.
    used: AtomicU64,
}

impl Demand {
    fn used(&self) -> Duration {
        Duration::from_micros(self.used.load(Ordering::Relaxed))
    }
}

/// Wakes a call, and counts it among those that wait until it is polled.
#[derive(Debug)]
struct Bell {
    demand: Arc<Demand>,
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Bell {
    fn answered(&self) {
        if self.rung.swap(false, Ordering::AcqRel) {
            self.demand.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.demand.waiting.fetch_add(1, Ordering::Relaxed);
        }
        self.task.wake();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.answered();
    }
}

/// What one call has had of the processor.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    spent: Arc<Mutex<Spent>>,
    bell: Arc<Bell>,
}

#[derive(Debug, Default)]
struct Spent {
    /// In polls that are over.
    used: Duration,
    /// When the poll under way began.
    polled: Option<Instant>,
    /// What was used when an epoch last ended.
    at_last_end: Duration,
}

impl Spent {
    fn until_now(&self) -> Duration {
        let now = self.polled.map(|polled| polled.elapsed());
        self.used + now.unwrap_or_default()
    }
}

impl Share {
    pub(crate) fn used(&self) -> Duration {
        self.spent().until_now()
    }

    /// What happens at the end of an epoch.
    pub(crate) fn epoch_ends(&self) -> UpdateDeadline {
        let mut spent = self.spent();
        let used = spent.until_now();
        let busy = used.saturating_sub(spent.at_last_end) >= BUSY;
        spent.at_last_end = used;
        let demand = Arc::clone(&self.bell.demand);
        let in_the_way = busy && demand.waiting.load(Ordering::Relaxed) > 0;
        UpdateDeadline::YieldCustom(1, Box::pin(make_room(in_the_way, demand)))
    }

    fn begin(&self, task: &Waker) {
        self.bell.answered();
        self.bell.task.register(task);
        self.spent().polled = Some(Instant::now());
    }

    /// What was used, with the poll that is over now.
    fn end(&self) -> Duration {
        let mut spent = self.spent();
        let before = spent.used;
        spent.used = spent.until_now();
        spent.polled = None;
        let micros = u64::try_from((spent.used - before).as_micros()).unwrap_or(u64::MAX);
        self.bell.demand.used.fetch_add(micros, Ordering::Relaxed);
        spent.used
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        // Durations hold whatever happened to who counted them.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets others run: once, or, whoever is in their way, for a while.
async fn make_room(in_the_way: bool, demand: Arc<Demand>) {
    tokio::task::yield_now().await;
    if !in_the_way {
        return;
    }
    for _ in 0..TURNS {
        let before = demand.used();
        tokio::time::sleep(TICK).await;
        if demand.used() - before < BUSY {
            return;
        }
    }
}

/// Counts the time that a call spends running, and ends the call at its limit. An epoch's end makes a guest
/// yield, so a poll takes little more than a tick, and waiting isn't counted.
pub(crate) struct Metered<'a, F> {
    pub(crate) run: Pin<&'a mut F>,
    pub(crate) share: Share,
    pub(crate) limit: Duration,
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = Result<F::Output, Exceeded>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        self.share.begin(task.waker());
        let bell = Waker::from(Arc::clone(&self.share.bell));
        let polled = self.run.as_mut().poll(&mut Task::from_waker(&bell));
        let used = self.share.end();
        match polled {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if used > self.limit => Poll::Ready(Err(Exceeded::Cpu(self.limit))),
            Poll::Pending => Poll::Pending,
        }
    }
}
