//! What one call may use, and the errors that say which limit it met.

use std::time::Duration;

use wasmtime::component::ResourceTableError;

pub(crate) mod call_resources;

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
    /// Rows of one batch, its replacements included.
    pub batch_rows: usize,
    /// Rows of one run, replacements included.
    pub run_rows: u64,
    /// Bytes of all rows of one run.
    pub run_bytes: u64,
    /// Notes of one run; later ones are left out.
    pub run_notes: u64,
    /// Bytes of the notes of one run as they are written, escaped; later ones are left out.
    pub run_note_bytes: u64,
    /// Instances of modules, linear memories and tables that a component consists of.
    pub instances: usize,
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
            hostcall_bytes: 8 << 20,
            batch_rows: 10_000,
            run_rows: 100_000_000,
            run_bytes: 16 << 30,
            run_notes: 100_000,
            run_note_bytes: 16 << 20,
            instances: 32,
            handles: 1_000,
        }
    }
}

impl Limits {
    /// For the calls that ask a component what it is: they send nothing and take no time.
    pub(crate) fn for_registration() -> Self {
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(1),
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
    /// Linear memory of all calls of a tenant.
    #[error("the calls of this tenant need more than their {} MiB of memory", .0 >> 20)]
    TenantMemory(usize),
    /// Rows of a batch.
    #[error("the call delivers a batch of more than {0} rows")]
    BatchRows(usize),
    /// Rows of a run.
    #[error("the call delivers more than its {0} rows")]
    RunRows(u64),
    /// Bytes of a run.
    #[error("the call delivers more than its {} MiB of rows", .0 >> 20)]
    RunBytes(u64),
    /// What answers nothing.
    #[error("a server sent more than {} KiB that answer nothing, or interim answers without end", .0 >> 10)]
    Unanswered(u64),
    /// A server that sends a secret back.
    #[error("a server's answer holds the secret that signed the request")]
    SecretEchoed,
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

/// Counts what a run delivers.
#[derive(Debug)]
pub(crate) struct DeliveryLimits {
    batch_rows: usize,
    run_rows: u64,
    run_bytes: u64,
    run_notes: u64,
    run_note_bytes: u64,
    rows: u64,
    bytes: u64,
    notes: u64,
    note_bytes: u64,
    notes_end: bool,
}

/// Whether a note is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoteQuota {
    Within,
    /// This one is the first that is not.
    JustExceeded,
    Exceeded,
}

impl DeliveryLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            batch_rows: limits.batch_rows,
            run_rows: limits.run_rows,
            run_bytes: limits.run_bytes,
            run_notes: limits.run_notes,
            run_note_bytes: limits.run_note_bytes,
            rows: 0,
            bytes: 0,
            notes: 0,
            note_bytes: 0,
            notes_end: false,
        }
    }

    /// Counts a delivery.
    pub(crate) fn count(&mut self, rows: usize, bytes: usize) -> Result<(), Exceeded> {
        if rows > self.batch_rows {
            return Err(Exceeded::BatchRows(self.batch_rows));
        }
        self.rows = self.rows.saturating_add(rows as u64);
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.rows > self.run_rows {
            return Err(Exceeded::RunRows(self.run_rows));
        }
        if self.bytes > self.run_bytes {
            return Err(Exceeded::RunBytes(self.run_bytes));
        }
        Ok(())
    }

    /// Whether no more notes are taken.
    pub(crate) fn notes_ended(&self) -> bool {
        self.notes_end
    }

    /// Counts a note of so many bytes.
    pub(crate) fn count_note(&mut self, bytes: usize) -> NoteQuota {
        if self.notes_end {
            return NoteQuota::Exceeded;
        }
        self.notes = self.notes.saturating_add(1);
        self.note_bytes = self.note_bytes.saturating_add(bytes as u64);
        self.notes_end = self.notes > self.run_notes || self.note_bytes > self.run_note_bytes;
        if self.notes_end {
            NoteQuota::JustExceeded
        } else {
            NoteQuota::Within
        }
    }
}
