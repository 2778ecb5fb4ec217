//! What one call may use, and the errors that say which limit it met.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory.
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
        }
    }
}

/// A limit that a call met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// Linear memory.
    #[error("the call needs more than its {} MiB of memory", .0 >> 20)]
    Memory(usize),
    /// Wall clock.
    #[error("the call takes longer than its {} s", .0.as_secs_f64())]
    Wall(Duration),
    /// Processor.
    #[error("the call uses more than its {} s of the processor", .0.as_secs_f64())]
    Cpu(Duration),
}

/// Counts linear memory and refuses more than the limit, in words that reach whoever made the call.
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
        Ok(desired <= 20_000)
    }
}
