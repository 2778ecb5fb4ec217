//! The store of one call: what the component's imports reach, and no more.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::connection::TenantConnection;
use crate::contract::{sink, types};
use crate::destination::{Destination, Note};
use crate::destination_thread::DestinationThread;
use crate::gate::{self, Gate};
use crate::inert_wasi::LogStream;
use crate::limits::call_resources::CallResources;
use crate::limits::{DeliveryLimits, Limits};
use crate::outgoing::{CallMetrics, Outgoing};
use crate::printable::printable;
use crate::secrets::Secrets;

mod rate_limiter;

use rate_limiter::RateLimiter;

/// What belongs to one call alone, and goes with it.
pub(crate) struct CallContext {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    gate: Gate,
    destination: DestinationThread,
    limits: Limits,
    delivered: DeliveryLimits,
    cancellation: CancellationToken,
    secrets: Secrets,
    pub(crate) resources: CallResources,
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

/// How long a run may go on after it was told to stop.
const GRACE: Duration = Duration::from_secs(1);
/// Notes per second: more than a component has to say to a person.
const NOTES_PER_SECOND: u32 = 500;
/// Bytes of a note; a longer one is left out.
const NOTE: usize = 16 << 10;
/// Bytes of one set of headers, as `wasi:http` counts them.
const FIELDS: usize = 8 << 10;
/// Bytes of randomness at once.
const RANDOM: u64 = 64 << 10;

/// What the sink answers: a refusal, or an error that ends the call.
type Answer = wasmtime::Result<Result<(), sink::SinkError>>;

impl CallContext {
    pub(crate) fn new(
        connection: &TenantConnection,
        limits: Limits,
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
            wasi: WasiCtx::builder()
                .max_random_size(RANDOM)
                .stdout(LogStream(connection.tenant().clone()))
                .stderr(LogStream(connection.tenant().clone()))
                .build(),
            http,
            outgoing: Outgoing::new(connection, limits),
            secrets: connection.secrets().clone(),
            gate,
            destination: DestinationThread::new(destination),
            limits,
            delivered: DeliveryLimits::new(&limits),
            cancellation,
            resources: CallResources::new(&limits, connection.tenant().clone()),
            refusal: None,
            refused: false,
            pace: limits.rows_per_second.map(RateLimiter::new),
            notes: RateLimiter::new(NOTES_PER_SECOND),
        }
    }

    pub(crate) fn metrics(&self) -> Arc<CallMetrics> {
        self.outgoing.metrics()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// A while after the run was told to stop: a guest that delivers notices before.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let cancellation = self.cancellation.clone();
        async move {
            cancellation.cancelled().await;
            tokio::time::sleep(GRACE).await;
        }
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

    /// The destination's error goes to whoever made the call; the guest learns only that it has to stop.
    fn conclude(&mut self, delivered: anyhow::Result<()>) -> Result<(), sink::SinkError> {
        delivered.map_err(|error| {
            let words = format!("{error:#}");
            self.refused = true;
            self.refusal = Some(error);
            sink::SinkError::Failed(words)
        })
    }

    /// Waits until what was delivered is written.
    pub(crate) async fn close_destination(&mut self) {
        if let Err(error) = self.destination.close().await {
            self.refusal.get_or_insert(error);
        }
    }

    /// What has to be true before anything is taken.
    async fn take_delivery(&mut self, rows: usize, bytes: usize) -> wasmtime::Result<Admission> {
        self.check_and_throttle(rows).await?;
        self.delivered.count(rows, bytes)?;
        if self.cancellation.is_cancelled() {
            self.refused = true;
            return Ok(Admission::Cancelled);
        }
        Ok(Admission::Granted)
    }
}

/// Whether a call of the sink goes on.
#[derive(PartialEq, Eq)]
enum Admission {
    Granted,
    Cancelled,
}

impl sink::Host for CallContext {
    async fn begin_snapshot(&mut self, streams: Vec<String>) -> Answer {
        if self
            .take_delivery(streams.len().max(1), bytes(&streams))
            .await?
            == Admission::Cancelled
        {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        self.gate.begin_snapshot(&streams)?;
        let delivered = self.destination.begin_snapshot(streams).await;
        Ok(self.conclude(delivered))
    }

    async fn emit(&mut self, batch: types::Batch) -> Answer {
        let rows = batch.rows.len() + batch.replaces.len();
        let text = bytes(&batch.rows) + bytes(&batch.replaces);
        if self.take_delivery(rows, text).await? == Admission::Cancelled {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        let stream = self.gate.stream(&batch.stream)?;
        let (batch, bytes) = gate::parse_batch(stream, batch).await?;
        let delivered = self.destination.write(batch, bytes).await;
        Ok(self.conclude(delivered))
    }

    async fn checkpoint(&mut self, state: String) -> Answer {
        if self.take_delivery(1, state.len()).await? == Admission::Cancelled {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        Gate::checkpoint(&state)?;
        let delivered = self.destination.checkpoint(state).await;
        Ok(self.conclude(delivered))
    }

    async fn end_snapshot(&mut self, stream: String, except: Vec<String>) -> Answer {
        if self
            .take_delivery(except.len().max(1), bytes(&except))
            .await?
            == Admission::Cancelled
        {
            return Ok(Err(sink::SinkError::Cancelled));
        }
        let except = self.gate.end_snapshot(&stream, except).await?;
        let delivered = self.destination.end_snapshot(stream, except).await;
        Ok(self.conclude(delivered))
    }

    async fn note(&mut self, note: String) -> wasmtime::Result<()> {
        self.notes.throttle(1).await;
        if self.refused || note.len() > NOTE || !self.delivered.count_note() {
            return Ok(());
        }
        if let Some(note) = parse_note(&note, &self.secrets) {
            self.destination.note(note).await;
        }
        Ok(())
    }
}

fn bytes(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
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
