//! The gate that every request passes: so many at once, none while the service asks for a pause.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[cfg(test)]
mod tests;

/// Lets at most `limit` requests through at once, in the order in which they came.
///
/// Additive increase, multiplicative decrease: pressure from the service halves the limit, a full round of
/// successes adds one to it, up to the configured maximum.
#[derive(Debug)]
pub struct Gate {
    maximum: usize,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    running: usize,
    /// How many holds are in force.
    holds: usize,
    /// Successes since the limit last changed.
    successes: usize,
    queue: VecDeque<(u64, Waker)>,
    next_ticket: u64,
}

impl Gate {
    /// A gate that lets `maximum` requests through at once.
    #[must_use]
    pub fn new(maximum: usize) -> Self {
        let state = State {
            limit: maximum,
            running: 0,
            holds: 0,
            successes: 0,
            queue: VecDeque::new(),
            next_ticket: 0,
        };
        Self {
            maximum,
            state: RefCell::new(state),
        }
    }

    /// Waits for a turn; an `urgent` request goes before those that are not.
    pub fn enter(&self, urgent: bool) -> Enter<'_> {
        Enter {
            gate: self,
            urgent,
            ticket: None,
        }
    }

    /// Holds back every request that is not yet through until the guard is dropped.
    pub fn hold(&self) -> Hold<'_> {
        self.state.borrow_mut().holds += 1;
        Hold(self)
    }

    /// The service asked for less: half as many at once.
    pub fn halve(&self) {
        let mut state = self.state.borrow_mut();
        state.limit = (state.limit / 2).max(1);
        state.successes = 0;
    }

    /// The service says that its limit is near: one less at once.
    pub fn ease(&self) {
        let mut state = self.state.borrow_mut();
        state.limit = (state.limit - 1).max(1);
        state.successes = 0;
    }

    /// A request went well.
    pub fn succeeded(&self) {
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
        for (_, waker) in state.queue.iter().take(state.free()) {
            waker.wake_by_ref();
        }
    }
}

impl State {
    fn free(&self) -> usize {
        if self.holds > 0 {
            0
        } else {
            self.limit.saturating_sub(self.running)
        }
    }
}

/// The wait for a turn; resolves to a [`Permit`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Enter<'a> {
    gate: &'a Gate,
    urgent: bool,
    ticket: Option<u64>,
}

impl<'a> Future for Enter<'a> {
    type Output = Permit<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit<'a>> {
        let gate = self.gate;
        let mut state = gate.state.borrow_mut();
        let ticket = if let Some(ticket) = self.ticket {
            ticket
        } else {
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let entry = (ticket, context.waker().clone());
            if self.urgent {
                state.queue.push_front(entry);
            } else {
                state.queue.push_back(entry);
            }
            self.ticket = Some(ticket);
            ticket
        };
        let free = state.free();
        let Some(place) = state.queue.iter().position(|(queued, _)| *queued == ticket) else {
            return Poll::Pending; // not reached: a ticket stays queued until it is taken or dropped
        };
        if place < free {
            state.queue.remove(place);
            state.running += 1;
            self.ticket = None;
            return Poll::Ready(Permit(gate));
        }
        if let Some((_, waker)) = state.queue.get_mut(place) {
            waker.clone_from(context.waker());
        }
        Poll::Pending
    }
}

impl Drop for Enter<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.gate
                .state
                .borrow_mut()
                .queue
                .retain(|(queued, _)| *queued != ticket);
            self.gate.wake_next();
        }
    }
}

/// The right to have one request in flight, given back when dropped.
#[derive(Debug)]
#[must_use = "a permit is given back when dropped"]
pub struct Permit<'a>(&'a Gate);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.borrow_mut().running -= 1;
        self.0.wake_next();
    }
}

/// As long as it lives, nobody passes.
#[derive(Debug)]
#[must_use = "a hold ends when dropped"]
pub struct Hold<'a>(&'a Gate);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.state.borrow_mut().holds -= 1;
        self.0.wake_next();
    }
}
