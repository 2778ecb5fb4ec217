//! The store of one call: what the component's imports reach, and no more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::connection::{Connection, Secrets};
use crate::engine::bindings::dx::connector::{sink, types};
use crate::limits::{Limits, Memory};
use crate::output::{Batch, Note, Output};
use crate::transport::{Meter, Outgoing};

/// What belongs to one call alone, and goes with it.
pub(crate) struct Tenant {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    output: Box<dyn Output>,
    secrets: Secrets,
    pub(crate) memory: Memory,
    /// Why the output refused, in its own words.
    pub(crate) refusal: Option<anyhow::Error>,
    pace: Option<Pace>,
}

impl Tenant {
    pub(crate) fn new(
        connection: &Connection,
        limits: Limits,
        meter: Arc<Meter>,
        output: Box<dyn Output>,
    ) -> Self {
        Self {
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing::new(connection.transport(), limits, meter),
            secrets: connection.secrets(),
            output,
            memory: Memory::new(limits.memory),
            refusal: None,
            pace: limits.rows_per_second.map(Pace::new),
        }
    }

    /// An output's error goes to whoever made the call; the guest learns only that it has to stop.
    fn refuse(&mut self, result: anyhow::Result<()>) -> Result<(), String> {
        result.map_err(|error| {
            let words = format!("{error:#}");
            self.refusal = Some(error);
            words
        })
    }
}

impl sink::Host for Tenant {
    async fn emit(&mut self, batch: types::Batch) -> Result<(), String> {
        if let Some(pace) = &mut self.pace {
            pace.keep(batch.rows.len()).await;
        }
        let types::Batch {
            stream,
            replaces,
            rows,
        } = batch;
        let result = self.output.emit(Batch {
            stream,
            replaces,
            rows,
        });
        self.refuse(result)
    }

    async fn checkpoint(&mut self, state: String) -> Result<(), String> {
        let result = self.output.checkpoint(&state);
        self.refuse(result)
    }

    async fn finished(&mut self, stream: String, snapshot: bool) -> Result<(), String> {
        let result = self.output.finished(&stream, snapshot);
        self.refuse(result)
    }

    async fn note(&mut self, mut note: String) {
        self.secrets.hide(&mut note);
        if let Ok(note) = serde_json::from_str::<Note>(&note) {
            self.output.note(&note);
        }
    }
}

impl types::Host for Tenant {}

impl wasmtime_wasi_io::IoView for Tenant {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for Tenant {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Tenant {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outgoing,
        }
    }
}

/// Back-pressure: who delivers faster than allowed waits before the next batch.
#[derive(Debug)]
struct Pace {
    rows_per_second: u32,
    /// Until when the rows taken so far are paid for.
    paid: Instant,
}

impl Pace {
    fn new(rows_per_second: u32) -> Self {
        Self {
            rows_per_second: rows_per_second.max(1),
            paid: Instant::now(),
        }
    }

    async fn keep(&mut self, rows: usize) {
        let now = Instant::now();
        // An empty batch is not free: whoever sends nothing else would never wait.
        let rows = u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
        let price = Duration::from_secs_f64(f64::from(rows) / f64::from(self.rows_per_second));
        tokio::time::sleep(self.paid.saturating_duration_since(now)).await;
        self.paid = self.paid.max(now) + price;
    }
}
