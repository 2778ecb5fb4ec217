//! Who wants a processor: counted where calls are woken, so that nobody has to guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;

/// What the calls of an engine want of the processors together.
#[derive(Debug)]
pub(super) struct RunQueue {
    /// Calls that could go on, and have no processor yet.
    waiting: AtomicUsize,
    /// Nanoseconds that calls and connections have run.
    used: AtomicU64,
    /// Calls under way.
    calls: AtomicU32,
    ticks: AtomicU32,
    /// Which window passes; the first one is 1.
    window: AtomicU32,
    /// Tenants that used the processors in it, and in the one before.
    active: AtomicU32,
    active_before: AtomicU32,
}

/// Ticks of a window.
const WINDOW: u32 = 8;

impl Default for RunQueue {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::default(),
            used: AtomicU64::default(),
            calls: AtomicU32::default(),
            ticks: AtomicU32::default(),
            window: AtomicU32::new(1),
            active: AtomicU32::default(),
            active_before: AtomicU32::default(),
        }
    }
}

/// As a counter keeps it.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl RunQueue {
    /// Whether no call is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.load(Ordering::Relaxed) == 0
    }

    /// Whether a call could go on and has no processor.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    pub(super) fn add(&self, used: Duration) {
        self.used.fetch_add(nanos(used), Ordering::Relaxed);
    }

    /// Epochs that have passed while calls were under way.
    pub(super) fn ticks(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }

    pub(super) fn tick(&self) {
        let ticks = self.ticks.fetch_add(1, Ordering::Relaxed);
        if ticks % WINDOW == WINDOW - 1 {
            let active = self.active.swap(0, Ordering::Relaxed);
            self.active_before.store(active, Ordering::Relaxed);
            self.window.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tenants that used the processors lately: who needs nothing leaves its share to the others.
    pub(super) fn active_tenants(&self) -> u32 {
        let before = self.active_before.load(Ordering::Relaxed);
        self.active.load(Ordering::Relaxed).max(before)
    }

    /// Counts a tenant that was last counted in `window`; the window that passes.
    pub(super) fn count_active(&self, window: u32) -> u32 {
        let now = self.window.load(Ordering::Relaxed);
        if window != now {
            self.active.fetch_add(1, Ordering::Relaxed);
        }
        now
    }
}

/// Wakes a call, and counts it among those that wait until it is polled.
#[derive(Debug)]
pub(super) struct CountingWaker {
    run_queue: Arc<RunQueue>,
    woken: AtomicBool,
    task: AtomicWaker,
}

impl CountingWaker {
    pub(super) fn new(run_queue: Arc<RunQueue>) -> Self {
        run_queue.calls.fetch_add(1, Ordering::Relaxed);
        Self {
            run_queue,
            woken: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }

    /// The call has a processor; `task` is woken when it wants one again.
    pub(super) fn polled(&self, task: &Waker) {
        self.stop_waiting();
        self.task.register(task);
    }

    /// Whether another call could go on and has no processor. This one may have been woken while it runs.
    pub(super) fn others_wait(&self) -> bool {
        let own = usize::from(self.woken.load(Ordering::Acquire));
        self.run_queue.waiting.load(Ordering::Relaxed) > own
    }

    fn stop_waiting(&self) {
        if self.woken.swap(false, Ordering::AcqRel) {
            self.run_queue.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.run_queue.waiting.fetch_add(1, Ordering::Relaxed);
        }
        self.task.wake();
    }
}

impl Drop for CountingWaker {
    fn drop(&mut self) {
        self.stop_waiting();
        self.run_queue.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
