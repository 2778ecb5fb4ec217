//! Virtual time: a call is polled until nothing is ready, then the clock jumps to the next timer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A clock with its timers.
#[derive(Default)]
pub(super) struct Clock {
    millis: Cell<u64>,
    /// By the time at which they are due, and then in the order in which they were set.
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    set: Cell<u64>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock {
    pub(super) fn millis(&self) -> u64 {
        self.millis.get()
    }

    pub(super) fn advance(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap();
        self.millis.set(self.millis.get() + time);
    }

    pub(super) fn sleep(&self, duration: Duration) -> Timer<'_> {
        let nanos = duration.as_nanos();
        let millis = u64::try_from(nanos.div_ceil(1_000_000)).unwrap();
        self.set.set(self.set.get() + 1);
        Timer {
            clock: self,
            key: (self.millis.get() + millis, self.set.get()),
        }
    }

    pub(super) fn run<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(result) = call.as_mut().poll(&mut context) {
                return result;
            }
            if !flag.0.swap(false, Ordering::Relaxed) {
                self.jump();
                flag.0.store(false, Ordering::Relaxed);
            }
        }
    }

    fn jump(&self) {
        let next = self.timers.borrow_mut().pop_first();
        let ((due, _), waker) = next.expect("a call that waits for nothing never ends");
        self.millis.set(self.millis.get().max(due));
        waker.wake();
    }
}

/// A wait.
pub(super) struct Timer<'a> {
    clock: &'a Clock,
    key: (u64, u64),
}

impl Future for Timer<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.millis() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut timers = self.clock.timers.borrow_mut();
        timers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.clock.timers.borrow_mut().remove(&self.key);
    }
}
