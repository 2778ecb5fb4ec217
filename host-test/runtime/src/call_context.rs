//! The store of one call: what the component's imports reach, and no more.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::connection::TenantConnection;
use crate::contract::types;
use crate::destination::Destination;
use crate::destination_thread::DestinationThread;
use crate::gate::Gate;
use crate::inert_wasi::LogStream;
use crate::limits::call_resources::CallResources;
use crate::limits::{DeliveryLimits, Limits};
use crate::outgoing::{CallMetrics, Outgoing};
use crate::secrets::Secrets;

mod delivery;
mod rate_limiter;

pub(crate) use delivery::CalledAfterRefusal;
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

/// How long a run may go on after it was told to stop.
const GRACE: Duration = Duration::from_secs(1);
/// Notes per second: more than a component has to say to a person.
const NOTES_PER_SECOND: u32 = 500;
/// Bytes of one set of headers, as `wasi:http` counts them.
const FIELDS: usize = 8 << 10;
/// Bytes of randomness at once.
const RANDOM: u64 = 64 << 10;

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

    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
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

    /// Waits until the destination is gone, which it is soon after this context.
    pub(crate) fn destination_ended(&self) -> impl Future<Output = ()> + use<> {
        self.destination.ended()
    }

    /// Waits until what was delivered is written.
    pub(crate) async fn close_destination(&mut self) {
        if let Err(error) = self.destination.close().await {
            self.refusal.get_or_insert(error);
        }
    }
}

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
