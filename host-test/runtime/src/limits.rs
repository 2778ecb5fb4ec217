//! What one call may use, and the errors that say which limit it met.

use std::time::Duration;

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTableError;

/// Elements of one table. A Rust component of some 150 KB has a few hundred, one for each function that is
/// called by a pointer.
pub(crate) const TABLE: usize = 20_000;
/// Bytes of a state: the contract says less than this.
pub(crate) const STATE: usize = 64 << 10;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory: usize,
    /// From the beginning of the call to its end.
    pub wall: Duration,
    /// Of the processor, waiting not counted.
    pub cpu: Duration,
    /// Bytes of one response body.
    pub response: u64,
    /// Bytes of one request body.
    pub request: u64,
    /// Requests in flight.
    pub in_flight: usize,
    /// Rows per second into the sink: a call that delivers faster is made to wait. None for no limit.
    pub rows_per_second: Option<u32>,
    /// Bytes that the guest hands over at once: a batch, a state, a note.
    pub hostcall_bytes: usize,
    /// Requests, answers, streams and the like that the host keeps for the guest.
    pub handles: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 << 20,
            wall: Duration::from_hours(24),
            cpu: Duration::from_hours(1),
            response: 64 << 20,
            request: 1 << 20,
            in_flight: 72,
            rows_per_second: None,
            hostcall_bytes: 64 << 20,
            handles: 2_000,
        }
    }
}

impl Limits {
    /// For the calls that ask a component what it is: they send nothing and take no time.
    pub(crate) fn for_registration() -> Self {
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(5),
            in_flight: 0,
            ..Self::default()
        }
    }
}

/// A limit that a call met.
///
/// Those of a request are told to the guest as an error of that request, and it may go on; any other ends
/// the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// Linear memory.
    #[error("the call needs more than its {} MiB of memory", .0 >> 20)]
    Memory(usize),
    /// The tables of functions.
    #[error("the call needs tables of more than {0} elements")]
    Table(usize),
    /// Wall clock.
    #[error("the call takes longer than its {} s", .0.as_secs_f64())]
    Wall(Duration),
    /// Processor.
    #[error("the call uses more than its {} s of the processor", .0.as_secs_f64())]
    Cpu(Duration),
    /// What is handed over at once.
    #[error("the call hands over more than {} MiB at once", .0 >> 20)]
    HostcallBytes(usize),
    /// What the host keeps for the guest.
    #[error("the call exceeded its limit of {0} open host resources")]
    Handles(usize),
    /// Requests in flight.
    #[error("the call has more than its {0} requests in flight")]
    InFlight(usize),
    /// A request body.
    #[error("the call sends a request of more than {0} bytes")]
    Request(u64),
    /// A response body.
    #[error("the call is sent a response of more than {0} bytes")]
    Response(u64),
    /// Where it may go.
    #[error("the call sent a request that its egress policy denies")]
    Egress,
}

impl Exceeded {
    /// The limit behind an error of wasmtime, which has words but no type of its own for some of them.
    pub(crate) fn behind(error: &wasmtime::Error, limits: &Limits) -> Option<Self> {
        if let Some(exceeded) = error.downcast_ref::<Self>() {
            return Some(*exceeded);
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return Some(Self::Handles(limits.handles));
        }
        let words = error.root_cause().to_string();
        if words.contains("fuel allocated for hostcalls has been exhausted") {
            Some(Self::HostcallBytes(limits.hostcall_bytes))
        } else if words.contains("store handle limit exceeded") {
            Some(Self::Handles(limits.handles))
        } else {
            None
        }
    }
}

/// Counts linear memory, all memories of a component together, and refuses more than the limit, in words that reach whoever made the call.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    /// Bytes in use now, which is also the most ever used: linear memory doesn't shrink.
    pub(crate) used: usize,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used + desired.saturating_sub(current);
        if used > self.limit {
            return Err(Exceeded::Memory(self.limit).into());
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE {
            return Err(Exceeded::Table(TABLE).into());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasmtime::{Engine, Ref, RefType, Store, Table, TableType};

    use super::*;

    #[test]
    fn tables_grow_to_their_limit() {
        let mut store = Store::new(&Engine::default(), Memory::new(0));
        store.limiter(|memory| memory);
        let kind = TableType::new(RefType::FUNCREF, 1, None);
        let table = Table::new(&mut store, kind, Ref::Func(None)).unwrap();
        let grown = u64::try_from(TABLE - 1).unwrap();
        table.grow(&mut store, grown, Ref::Func(None)).unwrap();
        let error = table.grow(&mut store, 1, Ref::Func(None)).unwrap_err();
        let met = Exceeded::behind(&error, &Limits::default());
        assert_eq!(met, Some(Exceeded::Table(TABLE)));
    }
}
