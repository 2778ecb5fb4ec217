//! How much of the processor a poll used.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// A poll that took no longer was hardly interrupted: the time that went by is what it used. The clock of a thread's
/// processor time takes a system call, which would be a tenth of such a poll.
const SHORT: Duration = Duration::from_micros(50);

/// What is known of this thread's processor time.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// When it was last read.
    processor: Duration,
    /// What polls used since, that were too short to read it.
    short_polls: Duration,
}

thread_local! {
    static READING: Cell<Reading> = const {
        Cell::new(Reading { processor: Duration::ZERO, short_polls: Duration::ZERO })
    };
}

/// What a poll took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Poll {
    /// Of the processor. Not the time that went by in a longer poll: a thread that is not alone on its processor would pay
    /// for its neighbours.
    pub(super) used: Duration,
    /// The time that went by, which is at least that.
    pub(super) elapsed: Duration,
}

/// Measures one poll, on one thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time that went by, which is at least what was used.
    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// What the poll took, which is over now.
    pub(super) fn stop(self) -> Poll {
        let elapsed = self.elapsed();
        Poll {
            used: used(elapsed),
            elapsed,
        }
    }
}

/// What was used of the processor in a poll of this thread that took so long.
fn used(elapsed: Duration) -> Duration {
    READING.with(|reading| {
        let before = reading.get();
        if elapsed <= SHORT {
            reading.set(Reading {
                short_polls: before.short_polls + elapsed,
                ..before
            });
            return elapsed;
        }
        let Some(now) = processor_time() else {
            return elapsed;
        };
        reading.set(Reading {
            processor: now,
            short_polls: Duration::ZERO,
        });
        let by_thread = now.saturating_sub(before.processor);
        elapsed.min(by_thread.saturating_sub(before.short_polls))
    })
}

/// The processor time of this thread.
#[cfg(unix)]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).ok()
}

/// There is no such clock.
#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_paid_for_and_work_is() {
        let work = || {
            let started = processor_time();
            while processor_time() < started.map(|started| started + Duration::from_millis(5)) {}
        };
        // From here on the thread's clock has been read.
        let first = Stopwatch::start();
        work();
        assert!(first.stop().used >= Duration::from_millis(4));
        let asleep = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(20));
        assert!(asleep.stop().used < Duration::from_millis(5));
        let busy = Stopwatch::start();
        work();
        assert!(busy.elapsed() >= Duration::from_millis(5));
        assert!(busy.stop().used >= Duration::from_millis(4));
    }
}
