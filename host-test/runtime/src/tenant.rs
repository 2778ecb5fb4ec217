//! The store of one call: what the component's imports reach, and no more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::connection::{Connection, Secrets};
use crate::engine::bindings::dx::connector::{sink, types};
use crate::limits::{Limits, Memory, STATE};
use crate::outgoing::{Meter, Outgoing};
use crate::output::{Batch, Note, Output};

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
    /// Notes have a pace of their own, because for rows there may be none.
    notes: Pace,
}

/// A component that calls a sink which has refused: the contract ends the run there.
#[derive(Debug, thiserror::Error)]
#[error("the component called the sink again after it had refused: {0}")]
pub(crate) struct Stubborn(String);

/// Notes per second: more than a component has to say to a person.
const NOTES_PER_SECOND: u32 = 500;
/// Bytes of a note; a longer one is left out.
const NOTE: usize = 16 << 10;
/// Bytes of one set of headers, as `wasi:http` counts them.
const FIELDS: usize = 64 << 10;
/// Bytes of randomness at once.
const RANDOM: u64 = 64 << 10;

/// What the sink answers: a refusal in words, or an error that ends the call.
type Answer = wasmtime::Result<Result<(), String>>;

impl Tenant {
    pub(crate) fn new(
        connection: &Connection,
        limits: Limits,
        meter: Arc<Meter>,
        output: Box<dyn Output>,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        Self {
            table,
            wasi: WasiCtx::builder().max_random_size(RANDOM).build(),
            http,
            outgoing: Outgoing::new(connection.transport(), limits, meter),
            secrets: connection.secrets(),
            output,
            memory: Memory::new(limits.memory),
            refusal: None,
            pace: limits.rows_per_second.map(Pace::new),
            notes: Pace::new(NOTES_PER_SECOND),
        }
    }

    /// Lets whoever delivers wait, and ends the call of whoever was told to stop.
    async fn admit(&mut self, rows: usize) -> wasmtime::Result<()> {
        if let Some(refusal) = &self.refusal {
            return Err(Stubborn(format!("{refusal:#}")).into());
        }
        if let Some(pace) = &mut self.pace {
            pace.keep(rows).await;
        }
        Ok(())
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
    async fn emit(&mut self, batch: types::Batch) -> Answer {
        self.admit(batch.rows.len() + batch.replaces.len()).await?;
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
        Ok(self.refuse(result))
    }

    async fn checkpoint(&mut self, state: String) -> Answer {
        self.admit(1).await?;
        let result = if state.len() < STATE {
            self.output.checkpoint(&state)
        } else {
            Err(anyhow!(
                "a state of {} bytes; the contract allows less than {STATE}",
                state.len()
            ))
        };
        Ok(self.refuse(result))
    }

    async fn finished(&mut self, stream: String, snapshot: bool) -> Answer {
        self.admit(1).await?;
        let result = self.output.finished(&stream, snapshot);
        Ok(self.refuse(result))
    }

    async fn note(&mut self, mut note: String) -> wasmtime::Result<()> {
        self.notes.keep(1).await;
        if self.refusal.is_some() || note.len() > NOTE {
            return Ok(());
        }
        self.secrets.hide(&mut note);
        if let Ok(note) = serde_json::from_str::<Note>(&note) {
            self.output.note(&note);
        }
        Ok(())
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
        // Even a sleep of nothing lasts until the timer's next millisecond.
        if self.paid > now {
            tokio::time::sleep_until(self.paid.into()).await;
        }
        self.paid = self.paid.max(now) + price;
    }
}
