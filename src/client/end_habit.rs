//! How the listings of each endpoint end, as far as a run has seen.

use std::cell::Cell;

use crate::endpoint::Endpoint;

/// How the listings of an endpoint end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndHabit {
    /// None came to its end so far.
    #[default]
    Unknown,
    /// With links without a next one, as the service does: an end that has none is odd.
    Said,
    /// Without any links.
    Unsaid,
}

/// What was seen of each endpoint.
#[derive(Debug, Default)]
pub(super) struct EndHabits(Cell<[EndHabit; Endpoint::ALL.len()]>);

impl EndHabits {
    pub(super) fn of(&self, endpoint: Endpoint) -> EndHabit {
        let habits = self.0.get();
        habits.get(endpoint as usize).copied().unwrap_or_default()
    }

    pub(super) fn record(&self, endpoint: Endpoint, habit: EndHabit) {
        let mut habits = self.0.get();
        if let Some(known) = habits.get_mut(endpoint as usize) {
            *known = habit;
        }
        self.0.set(habits);
    }
}
