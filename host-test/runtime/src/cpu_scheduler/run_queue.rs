//! Who wants a processor: counted where calls are woken, so that nobody has to guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

/// What the calls of an engine want of the processors together.
#[derive(Debug)]
pub(super) struct RunQueue {
    /// Calls that could go on, and have no processor yet.
    waiting: AtomicUsize,
    /// Nanoseconds that polls of calls and connections took.
    occupied: AtomicU64,
    /// Nanoseconds of the processor that tenants were charged for them.
    charged: AtomicU64,
    /// Calls under way.
    calls: AtomicU32,
    ticks: AtomicU32,
    /// Which window passes; the first one is 1.
    window: AtomicU32,
    /// Tenants that used the processors in it, and in the one before, in thousandths.
    active: AtomicU32,
    active_before: AtomicU32,
}

/// How much of one window a tenant wanted a processor.
#[derive(Debug, Default)]
pub(super) struct Activity {
    window: u32,
    wanted: Duration,
    /// As which part of a tenant it counts, in thousandths.
    part: u32,
}

/// A whole tenant, in thousandths.
pub(super) const WHOLE: u32 = 1000;

/// Ticks of a window.
const WINDOW: u32 = 8;
/// Who wants a processor for so much of a window counts as a whole tenant: the rest of the time it waits for answers.
const FULL: Duration = Duration::from_millis(6);

impl Default for RunQueue {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::default(),
            occupied: AtomicU64::default(),
            charged: AtomicU64::default(),
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

    /// What polls took, calls' and connections'.
    pub(super) fn occupied(&self) -> Duration {
        Duration::from_nanos(self.occupied.load(Ordering::Relaxed))
    }

    pub(super) fn charged(&self) -> Duration {
        Duration::from_nanos(self.charged.load(Ordering::Acquire))
    }

    /// A poll took so long, and its tenant is charged so much.
    pub(super) fn add(&self, occupied: Duration, charged: Duration) {
        self.occupied.fetch_add(nanos(occupied), Ordering::Relaxed);
        self.charged.fetch_add(nanos(charged), Ordering::Release);
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

    /// Tenants that wanted the processors lately, in thousandths. Who wants them now and then counts as a part of a tenant: it
    /// leaves the rest of its share to the others, who would owe otherwise what nobody wants.
    pub(super) fn active_tenants(&self) -> u32 {
        let before = self.active_before.load(Ordering::Relaxed);
        self.active.load(Ordering::Relaxed).max(before)
    }

    /// A tenant used the processors or waited for one for so long.
    pub(super) fn record_activity(&self, activity: &mut Activity, wanted: Duration) {
        let window = self.window.load(Ordering::Relaxed);
        if activity.window != window {
            *activity = Activity {
                window,
                ..Activity::default()
            };
        }
        activity.wanted += wanted;
        let part = activity.wanted.as_nanos() * u128::from(WHOLE) / FULL.as_nanos();
        let part = u32::try_from(part).unwrap_or(WHOLE).min(WHOLE);
        let more = part.saturating_sub(activity.part);
        self.active.fetch_add(more, Ordering::Relaxed);
        activity.part += more;
    }
}

/// Wakes a call, and counts it among those that wait until it is polled.
#[derive(Debug)]
pub(super) struct CountingWaker {
    run_queue: Arc<RunQueue>,
    woken: AtomicBool,
    /// When it was, in nanoseconds since this was made.
    woken_at: AtomicU64,
    /// It counts among those that wait.
    is_waiting: AtomicBool,
    made_at: Instant,
    task: AtomicWaker,
}

impl CountingWaker {
    pub(super) fn new(run_queue: Arc<RunQueue>) -> Self {
        run_queue.calls.fetch_add(1, Ordering::Relaxed);
        Self {
            run_queue,
            woken: AtomicBool::new(false),
            woken_at: AtomicU64::default(),
            is_waiting: AtomicBool::new(false),
            made_at: Instant::now(),
            task: AtomicWaker::new(),
        }
    }

    /// `task` is woken when the call wants a processor again.
    pub(super) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    /// The call has a processor; how long it has waited for it.
    pub(super) fn admitted(&self) -> Duration {
        self.stop_waiting();
        if !self.woken.swap(false, Ordering::AcqRel) {
            return Duration::ZERO;
        }
        let woken_at = Duration::from_nanos(self.woken_at.load(Ordering::Relaxed));
        self.made_at.elapsed().saturating_sub(woken_at)
    }

    /// The call is throttled, or runs: nobody has to make room for it.
    pub(super) fn stop_waiting(&self) {
        if self.is_waiting.swap(false, Ordering::AcqRel) {
            self.run_queue.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether another call could go on and has no processor. This one may have been woken while it runs.
    pub(super) fn others_wait(&self) -> bool {
        let own = usize::from(self.is_waiting.load(Ordering::Acquire));
        self.run_queue.waiting.load(Ordering::Relaxed) > own
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            let now = nanos(self.made_at.elapsed());
            self.woken_at.store(now, Ordering::Relaxed);
            if !self.is_waiting.swap(true, Ordering::AcqRel) {
                self.run_queue.waiting.fetch_add(1, Ordering::Relaxed);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_a_processor_now_and_then_counts_as_a_part_of_a_tenant() {
        let queue = RunQueue::default();
        let mut activities: [Activity; 4] = Default::default();
        for _ in 0..3 {
            for (activity, milliseconds) in activities.iter_mut().zip([40, 6, 3, 1]) {
                for _ in 0..milliseconds {
                    queue.record_activity(activity, Duration::from_millis(1));
                }
            }
            (0..WINDOW).for_each(|_| queue.tick());
            let active = queue.active_tenants();
            assert_eq!(active, 2_000 + 500 + 166);
        }
        (0..WINDOW).for_each(|_| queue.tick());
        assert_eq!(queue.active_tenants(), 0);
    }

    #[test]
    fn nobody_makes_room_for_a_call_that_is_throttled() {
        let queue = Arc::new(RunQueue::default());
        let [one, other] = [(); 2].map(|()| Arc::new(CountingWaker::new(Arc::clone(&queue))));
        other.wake_by_ref();
        assert!(one.others_wait() && !other.others_wait());
        other.stop_waiting();
        other.wake_by_ref();
        assert!(!one.others_wait());
        other.admitted();
        other.wake_by_ref();
        assert!(one.others_wait());
        drop(other);
        assert!(!one.others_wait());
    }

    #[test]
    fn a_call_waits_from_when_it_is_woken_until_it_is_admitted() {
        let queue = Arc::new(RunQueue::default());
        let waker = Arc::new(CountingWaker::new(Arc::clone(&queue)));
        assert_eq!(waker.admitted(), Duration::ZERO);
        waker.wake_by_ref();
        std::thread::sleep(Duration::from_millis(2));
        waker.wake_by_ref();
        assert!(waker.admitted() >= Duration::from_millis(2));
        assert_eq!(waker.admitted(), Duration::ZERO);
    }
}
