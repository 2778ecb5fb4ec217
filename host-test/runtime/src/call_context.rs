//! The store of one call: what the component's imports reach, and no more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Map;
use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::connection::TenantConnection;
use crate::contract::{sink, types};
use crate::destination::{Destination, Note};
use crate::gate::{self, Gate};
use crate::limits::{Limits, Memory};
use crate::outgoing::{CallMetrics, Outgoing};
use crate::printable::printable;
use crate::secrets::Secrets;

/// What belongs to one call alone, and goes with it.
pub(crate) struct CallContext {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    gate: Gate,
    destination: Box<dyn Destination>,
    cancellation: CancellationToken,
    secrets: Secrets,
    pub(crate) memory: Memory,
    /// Why the destination refused, in its own words.
    pub(crate) refusal: Option<anyhow::Error>,
    /// The sink has refused a call.
    refused: bool,
    pace: Option<RateLimiter>,
    /// Notes have a rate of their own, because for rows there may be none.
    notes: RateLimiter,
}

/// A component that calls a sink which has refused: the contract ends the run there.
#[derive(Debug, thiserror::Error)]
#[error("the component called the sink again after it had refused: {0}")]
pub(crate) struct CalledAfterRefusal(String);

/// Notes per second: more than a component has to say to a person.
const NOTES_PER_SECOND: u32 = 500;
/// Bytes of a note; a longer one is left out.
const NOTE: usize = 16 << 10;
/// Bytes of one set of headers, as `wasi:http` counts them.
const FIELDS: usize = 64 << 10;
/// Bytes of randomness at once.
const RANDOM: u64 = 64 << 10;

/// What the sink answers: a refusal, or an error that ends the call.
type Answer = wasmtime::Result<Result<(), sink::SinkError>>;

impl CallContext {
    pub(crate) fn new(
        connection: &TenantConnection,
        limits: Limits,
        metrics: Arc<CallMetrics>,
        gate: Gate,
        destination: Box<dyn Destination>,
        cancellation: CancellationToken,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        Self {
            table,
            wasi: WasiCtx::builder().max_random_size(RANDOM).build(),
            http,
            outgoing: Outgoing::new(connection.transport(), limits, metrics),
            secrets: connection.secrets().clone(),
            gate,
            destination,
            cancellation,
            memory: Memory::new(limits.memory),
            refusal: None,
            refused: false,
            pace: limits.rows_per_second.map(RateLimiter::new),
            notes: RateLimiter::new(NOTES_PER_SECOND),
        }
    }

    pub(crate) fn metrics(&self) -> Arc<CallMetrics> {
        self.outgoing.metrics()
    }

    /// Lets a guest that delivers too fast wait, and ends the call of one that goes on after a refusal.
    async fn check_and_throttle(&mut self, rows: usize) -> wasmtime::Result<()> {
        if self.refused {
            let why = self.refusal.as_ref().map(|why| format!("{why:#}"));
            return Err(CalledAfterRefusal(why.unwrap_or_else(|| "cancelled".to_owned())).into());
        }
        if let Some(pace) = &mut self.pace {
            pace.throttle(rows).await;
        }
        Ok(())
    }

    /// Hands something over to the destination, unless the run was cancelled. The destination's error goes to
    /// whoever made the call; the guest learns only that it has to stop.
    fn deliver(
        &mut self,
        deliver: impl FnOnce(&mut dyn Destination) -> anyhow::Result<()>,
    ) -> Result<(), sink::SinkError> {
        if self.cancellation.is_cancelled() {
            self.refused = true;
            return Err(sink::SinkError::Cancelled);
        }
        deliver(&mut *self.destination).map_err(|error| {
            let words = format!("{error:#}");
            self.refused = true;
            self.refusal = Some(error);
            sink::SinkError::Failed(words)
        })
    }
}

impl sink::Host for CallContext {
    async fn begin_snapshot(&mut self, streams: Vec<String>) -> Answer {
        self.check_and_throttle(1).await?;
        self.gate.begin_snapshot(&streams)?;
        Ok(self.deliver(|destination| destination.begin_snapshot(&streams)))
    }

    async fn emit(&mut self, batch: types::Batch) -> Answer {
        self.check_and_throttle(batch.rows.len() + batch.replaces.len())
            .await?;
        let stream = self.gate.stream(&batch.stream)?;
        let batch = gate::batch(stream, &batch)?;
        Ok(self.deliver(|destination| destination.write(batch)))
    }

    async fn checkpoint(&mut self, state: String) -> Answer {
        self.check_and_throttle(1).await?;
        Gate::checkpoint(&state)?;
        Ok(self.deliver(|destination| destination.checkpoint(&state)))
    }

    async fn end_snapshot(&mut self, stream: String, except: Vec<String>) -> Answer {
        self.check_and_throttle(except.len().max(1)).await?;
        let except = self.gate.end_snapshot(&stream, &except)?;
        Ok(self.deliver(|destination| destination.end_snapshot(&stream, &except)))
    }

    async fn note(&mut self, note: String) -> wasmtime::Result<()> {
        self.notes.throttle(1).await;
        if self.refused || note.len() > NOTE {
            return Ok(());
        }
        if let Some(note) = parse_note(&note, &self.secrets) {
            self.destination.note(&note);
        }
        Ok(())
    }
}

/// A note whose texts are safe to show.
fn parse_note(json: &str, secrets: &Secrets) -> Option<Note> {
    let fields: Map<_, _> = serde_json::from_str(json).ok()?;
    let clean = |text: String| printable(&secrets.redact(&text)).into_owned();
    let fields = crate::printable::map_texts(fields, &clean);
    let mut note = serde_json::from_value(fields.into()).ok()?;
    if let Note::Wait { ms, .. } = &mut note {
        *ms = (*ms).min(LONGEST_WAIT);
    }
    Some(note)
}

/// Milliseconds of a day: a longer wait is no use to anybody, and sums of them must not overflow.
const LONGEST_WAIT: u64 = 24 * 60 * 60 * 1000;

impl types::Host for CallContext {}

impl wasmtime_wasi_io::IoView for CallContext {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for CallContext {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for CallContext {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outgoing,
        }
    }
}

/// Back-pressure: a guest that delivers faster than allowed waits before the next batch.
#[derive(Debug)]
struct RateLimiter {
    rows_per_second: u32,
    /// Until when the rows taken so far are paid for.
    paid: Instant,
}

impl RateLimiter {
    fn new(rows_per_second: u32) -> Self {
        Self {
            rows_per_second: rows_per_second.max(1),
            paid: Instant::now(),
        }
    }

    async fn throttle(&mut self, rows: usize) {
        let now = Instant::now();
        // An empty batch is not free: whoever sends nothing else would never wait.
        let rows = u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
        let price = Duration::from_secs_f64(f64::from(rows) / f64::from(self.rows_per_second));
        // Even a sleep of nothing lasts until the timer's next millisecond.
        if self.paid > now {
            tokio::time::sleep_until(self.paid.into()).await;
        }
        self.paid = self.paid.max(now) + price;
    }
}
