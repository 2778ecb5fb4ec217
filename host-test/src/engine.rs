//! The component, compiled once and called for many tenants: one store a call, each within its limits.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, InstanceAllocationStrategy, MemoryCreator, PoolingAllocationConfig, Store};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::random::WasiRandom;

use crate::connection::Connection;
use crate::limits::{Exceeded, Limits, TABLE};
use crate::outgoing::Meter;
use crate::output::{Batch, Output};
use crate::share::{Metered, Share, Ticks};
use crate::tenant::{Stubborn, Tenant};

/// The contract as Rust: made from `wit/` by wasmtime's `bindgen!`.
#[expect(
    missing_docs,
    reason = "generated from the contract, which holds the prose"
)]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "connector",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

pub use bindings::dx::connector::types::{
    Access, EndpointAccess, Failure, FailureKind, Mode, Selection, StreamInfo, Validation,
};

/// The component that this crate was built with.
pub const EMBEDDED: &[u8] = include_bytes!(env!("COMPONENT"));
/// A component that means harm, to measure and to test the limits with.
pub const HOSTILE: &[u8] = include_bytes!(env!("HOSTILE"));
/// Calls at once at most: address space is set aside for so many memories.
const MAX_CALLS: u32 = 2_000;

/// Which component, and how it is kept.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A component to load in place of the embedded one.
    pub component: Option<PathBuf>,
    /// A component precompiled by [`Runtime::precompile`] on this very machine with this very program.
    pub precompiled: Option<PathBuf>,
}

/// The compiled component, ready for calls.
pub struct Runtime {
    engine: Engine,
    pre: bindings::ConnectorPre<Tenant>,
    ticks: Arc<Ticks>,
}

/// What a call leaves besides its result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Bytes of linear memory at most.
    pub memory: usize,
    /// Of the processor.
    pub cpu: Duration,
    /// Requests sent.
    pub requests: u64,
    /// From the call to the instance.
    pub instantiated: Duration,
    /// From the call to its first request.
    pub first_request: Option<Duration>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Well, or with a failure that the component or the host's limits report.
    pub result: Result<(), Failure>,
    /// Why the output refused, if it did.
    pub refusal: Option<anyhow::Error>,
    /// The first limit that a request met, whatever the component made of it.
    pub exceeded: Option<Exceeded>,
    /// What the call used.
    pub usage: Usage,
}

impl Runtime {
    /// Compiles the component, or loads one that was.
    ///
    /// # Errors
    ///
    /// The file can't be read, or it isn't a component of this contract.
    pub fn new(options: &Options) -> Result<Self> {
        let engine = Engine::new(&configuration())?;
        let component = match options {
            Options {
                precompiled: Some(file),
                ..
            } => load(&engine, file)?,
            Options {
                component: Some(file),
                ..
            } => Component::from_file(&engine, file)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("{} can't be loaded", file.display()))?,
            _ => Component::from_binary(&engine, EMBEDDED)?,
        };
        let ticks = Arc::new(Ticks::begin(&engine));
        Self::of(&component, engine, ticks)
    }

    /// A runtime for another component in the same engine, so that calls of both are neighbours.
    ///
    /// # Errors
    ///
    /// It isn't a component of this contract.
    pub fn beside(&self, component: &[u8]) -> Result<Self> {
        let component = Component::from_binary(&self.engine, component)?;
        Self::of(&component, self.engine.clone(), Arc::clone(&self.ticks))
    }

    /// A runtime whose linear memories are made by `memories`, one by one, not taken from a pool: for whoever
    /// wants to look into them.
    ///
    /// # Errors
    ///
    /// The embedded component can't be compiled.
    pub fn with_memories(memories: Arc<dyn MemoryCreator>) -> Result<Self> {
        let mut config = configuration();
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        // Nothing is promised of those memories, so every access is checked.
        config.memory_reservation(0).memory_guard_size(0);
        config.memory_init_cow(false);
        config.with_host_memory(memories);
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, EMBEDDED)?;
        let ticks = Arc::new(Ticks::begin(&engine));
        Self::of(&component, engine, ticks)
    }

    fn of(component: &Component, engine: Engine, ticks: Arc<Ticks>) -> Result<Self> {
        let pre = bindings::ConnectorPre::new(linker(&engine)?.instantiate_pre(component)?)
            .map_err(anyhow::Error::from)
            .context("the component doesn't fit the contract dx:connector@0.1.0")?;
        Ok(Self { engine, pre, ticks })
    }

    /// Compiles the component for [`Options::precompiled`].
    ///
    /// # Errors
    ///
    /// It can't be compiled.
    pub fn precompile(component: &[u8]) -> Result<Vec<u8>> {
        Ok(Engine::new(&configuration())?.precompile_component(component)?)
    }

    /// The streams of the component.
    ///
    /// # Errors
    ///
    /// The component traps or meets a limit.
    pub async fn list_streams(&self) -> Result<Vec<StreamInfo>> {
        let nowhere = Connection::nowhere();
        let (streams, _) = self
            .call(
                &nowhere,
                Limits::default(),
                Box::new(Nothing),
                async |connector, store| {
                    connector
                        .dx_connector_source()
                        .call_list_streams(store)
                        .await
                },
            )
            .await?;
        Ok(streams)
    }

    /// Validates the configuration of a connection.
    ///
    /// # Errors
    ///
    /// The component traps or meets a limit.
    pub async fn validate(
        &self,
        connection: &Connection,
        limits: Limits,
        output: Box<dyn Output>,
    ) -> Result<Validation> {
        let config = connection.config();
        let (mut found, _) = self
            .call(connection, limits, output, async |connector, store| {
                connector
                    .dx_connector_source()
                    .call_validate(store, config)
                    .await
            })
            .await?;
        let secrets = connection.secrets();
        let errors = found.error.iter_mut().map(|error| &mut error.message);
        let details = found.endpoints.iter_mut();
        let details = details.filter_map(|endpoint| endpoint.detail.as_mut());
        errors.chain(details).for_each(|text| secrets.hide(text));
        Ok(found)
    }

    /// Reads streams into an output.
    ///
    /// # Errors
    ///
    /// The component traps or meets a limit. What the component itself reports is in the outcome.
    pub async fn sync(
        &self,
        connection: &Connection,
        limits: Limits,
        streams: &[Selection],
        state: Option<&str>,
        output: Box<dyn Output>,
    ) -> Result<Outcome> {
        let config = connection.config();
        let (mut result, left) = self
            .call(connection, limits, output, async |connector, store| {
                connector
                    .dx_connector_source()
                    .call_sync(store, config, streams, state)
                    .await
            })
            .await?;
        if let Err(failure) = &mut result {
            connection.secrets().hide(&mut failure.message);
        }
        Ok(Outcome {
            result,
            refusal: left.refusal,
            exceeded: left.exceeded,
            usage: left.usage,
        })
    }

    /// Makes one call in a store of its own, within its limits. A call that is given up leaves an instance
    /// that can't be entered again, so instance and store go together.
    async fn call<T>(
        &self,
        connection: &Connection,
        limits: Limits,
        output: Box<dyn Output>,
        call: impl AsyncFnOnce(&bindings::Connector, &mut Store<Tenant>) -> wasmtime::Result<T>,
    ) -> Result<(T, Left)> {
        let meter = Arc::new(Meter::default());
        let tenant = Tenant::new(connection, limits, Arc::clone(&meter), output);
        let share = self.ticks.share();
        let mut store = self.store(tenant, limits, share.clone());
        let begun = Instant::now();
        let run = async {
            let connector = self.pre.instantiate_async(&mut store).await?;
            let instantiated = begun.elapsed();
            let value = call(&connector, &mut store).await?;
            Ok((value, instantiated, store.into_data()))
        };
        let metered = Metered {
            run: pin!(run),
            share: share.clone(),
            limit: limits.cpu,
        };
        let ended = tokio::time::timeout(limits.wall, metered).await;
        let (value, instantiated, tenant) =
            match ended.map_err(|_| Exceeded::Wall(limits.wall)).flatten() {
                Err(exceeded) => bail!(exceeded),
                Ok(Err(error)) => return Err(failure(error, &limits)),
                Ok(Ok(done)) => done,
            };
        let first_request = meter.first.get().map(|first| first.duration_since(begun));
        let usage = Usage {
            memory: tenant.memory.used,
            cpu: share.used(),
            requests: meter.requests.load(Ordering::Relaxed),
            instantiated,
            first_request,
        };
        let left = Left {
            refusal: tenant.refusal,
            exceeded: meter.exceeded.get().copied(),
            usage,
        };
        Ok((value, left))
    }

    fn store(&self, tenant: Tenant, limits: Limits, share: Share) -> Store<Tenant> {
        let mut store = Store::new(&self.engine, tenant);
        store.limiter(|tenant| &mut tenant.memory);
        store.set_hostcall_fuel(limits.handed_over);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| Ok(share.epoch_ends()));
        store
    }
}

/// What a call leaves behind besides its value.
struct Left {
    refusal: Option<anyhow::Error>,
    exceeded: Option<Exceeded>,
    usage: Usage,
}

/// A limit in its own words, anything else with the guest's.
fn failure(error: wasmtime::Error, limits: &Limits) -> anyhow::Error {
    if let Some(exceeded) = Exceeded::behind(&error, limits) {
        return exceeded.into();
    }
    match error.downcast::<Stubborn>() {
        Ok(stubborn) => stubborn.into(),
        Err(error) => {
            // Where in the component is for its authors, why is for everybody.
            tracing::info!("the component failed: {error:?}");
            anyhow!("the component failed: {}", error.root_cause())
        }
    }
}

/// What an engine is made for: many small instances, quickly made, none able to starve the others.
fn configuration() -> wasmtime::Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_CALLS);
    pool.total_core_instances(MAX_CALLS * 3);
    pool.total_memories(MAX_CALLS);
    pool.total_tables(MAX_CALLS * 2);
    pool.total_stacks(MAX_CALLS);
    pool.max_memory_size(256 << 20);
    pool.table_elements(TABLE);
    pool.max_component_instance_size(1 << 20);
    pool.max_core_instance_size(1 << 20);
    pool.linear_memory_keep_resident(0);
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// The whole of what a component can reach: its sink, `wasi:http`, clocks and randomness. No files, no
/// environment, no arguments, no standard streams, no sockets.
fn linker(engine: &Engine) -> Result<Linker<Tenant>> {
    use wasmtime_wasi::p2::bindings::{clocks, random};
    let mut linker = Linker::new(engine);
    wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
    clocks::wall_clock::add_to_linker::<Tenant, WasiClocks>(&mut linker, Tenant::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Tenant, WasiClocks>(&mut linker, Tenant::clocks)?;
    random::random::add_to_linker::<Tenant, WasiRandom>(&mut linker, |tenant| {
        tenant.ctx().ctx.random()
    })?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bindings::Connector::add_to_linker::<_, HasSelf<_>>(&mut linker, |tenant| tenant)?;
    Ok(linker)
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check that a precompiled file is what it says"
)]
fn load(engine: &Engine, file: &Path) -> Result<Component> {
    // SAFETY: the file is named by whoever runs this program, like the program itself.
    let component = unsafe { Component::deserialize_file(engine, file) };
    component
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not precompiled for this program", file.display()))
}

/// An output for calls that deliver nothing.
#[derive(Debug)]
pub struct Nothing;

impl Output for Nothing {
    fn emit(&mut self, _: Batch) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn finished(&mut self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
}
