//! Limits how many requests are in flight, and pauses all of them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[cfg(test)]
mod tests;

/// Which requests go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// In the order of arrival.
    Normal,
    /// Before the others: a listing that goes on, or a retry. Other requests depend on it.
    Continuation,
    /// Before the others and even during a pause: the probe that ends the pause.
    Probe,
}

/// Lets at most `limit` requests be in flight, in the order in which they came.
///
/// Additive increase, multiplicative decrease: back-pressure from the service halves the limit, a full round of
/// successes adds one to it, up to the configured maximum.
#[derive(Debug)]
pub struct ConcurrencyLimiter {
    maximum: usize,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    in_flight: usize,
    /// Pauses in force.
    pauses: usize,
    /// Successes since the limit last changed.
    successes: usize,
    queue: VecDeque<Waiter>,
    next_ticket: u64,
}

impl ConcurrencyLimiter {
    /// A limiter for `maximum` requests in flight.
    #[must_use]
    pub fn new(maximum: usize) -> Self {
        let state = State {
            limit: maximum,
            in_flight: 0,
            pauses: 0,
            successes: 0,
            queue: VecDeque::new(),
            next_ticket: 0,
        };
        Self {
            maximum,
            state: RefCell::new(state),
        }
    }

    /// Waits for a permit.
    pub fn acquire(&self, priority: Priority) -> Acquire<'_> {
        Acquire {
            limiter: self,
            priority,
            ticket: None,
        }
    }

    /// Holds back every request that is not yet in flight until the guard is dropped.
    pub fn pause(&self) -> Pause<'_> {
        self.state.borrow_mut().pauses += 1;
        Pause(self)
    }

    /// The service limits the rate: half as many requests in flight.
    pub fn halve(&self) {
        let mut state = self.state.borrow_mut();
        state.limit = (state.limit / 2).max(1);
        state.successes = 0;
    }

    /// The service says that its limit is near: one request less in flight.
    pub fn decrement(&self) {
        let mut state = self.state.borrow_mut();
        state.limit = (state.limit - 1).max(1);
        state.successes = 0;
    }

    /// A request succeeded.
    pub fn on_success(&self) {
        let mut state = self.state.borrow_mut();
        state.successes += 1;
        if state.successes >= state.limit && state.limit < self.maximum {
            state.limit += 1;
            state.successes = 0;
        }
    }

    /// How many requests may be in flight now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.state.borrow().limit
    }

    fn wake_next(&self) {
        let state = self.state.borrow();
        let free = state.free();
        for waiter in state
            .queue
            .iter()
            .filter(|waiter| state.may_pass(waiter))
            .take(free)
        {
            waiter.waker.wake_by_ref();
        }
    }
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    priority: Priority,
    waker: Waker,
}

impl State {
    fn free(&self) -> usize {
        self.limit.saturating_sub(self.in_flight)
    }

    fn may_pass(&self, waiter: &Waiter) -> bool {
        self.pauses == 0 || waiter.priority == Priority::Probe
    }
}

/// The wait for a permit; resolves to a [`Permit`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<'a> {
    limiter: &'a ConcurrencyLimiter,
    priority: Priority,
    ticket: Option<u64>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Permit<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit<'a>> {
        let limiter = self.limiter;
        let mut state = limiter.state.borrow_mut();
        let ticket = if let Some(ticket) = self.ticket {
            ticket
        } else {
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let entry = Waiter {
                ticket,
                priority: self.priority,
                waker: context.waker().clone(),
            };
            if self.priority == Priority::Normal {
                state.queue.push_back(entry);
            } else {
                state.queue.push_front(entry);
            }
            self.ticket = Some(ticket);
            ticket
        };
        let mut passing = state.queue.iter().filter(|waiter| state.may_pass(waiter));
        let rank = passing.position(|waiter| waiter.ticket == ticket);
        if rank.is_some_and(|rank| rank < state.free()) {
            state.queue.retain(|waiter| waiter.ticket != ticket);
            state.in_flight += 1;
            self.ticket = None;
            return Poll::Ready(Permit(limiter));
        }
        if let Some(waiter) = state
            .queue
            .iter_mut()
            .find(|waiter| waiter.ticket == ticket)
        {
            waiter.waker.clone_from(context.waker());
        }
        Poll::Pending
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.limiter
                .state
                .borrow_mut()
                .queue
                .retain(|waiter| waiter.ticket != ticket);
            self.limiter.wake_next();
        }
    }
}

/// The right to have one request in flight, given back when dropped.
#[derive(Debug)]
#[must_use = "a permit is given back when dropped"]
pub struct Permit<'a>(&'a ConcurrencyLimiter);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.borrow_mut().in_flight -= 1;
        self.0.wake_next();
    }
}

/// As long as it lives, no request but the probe is sent.
#[derive(Debug)]
#[must_use = "a pause ends when dropped"]
pub struct Pause<'a>(&'a ConcurrencyLimiter);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.state.borrow_mut().pauses -= 1;
        self.0.wake_next();
    }
}
