//! The component, compiled once and called for many tenants: one store a call, each within its limits.

mod setup;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use wasmtime::component::Component;
use wasmtime::{Engine, InstanceAllocationStrategy, MemoryCreator, Store};

use crate::connection::Connection;
use crate::limits::{Exceeded, Limits};
use crate::outgoing::Meter;
use crate::output::{Batch, Output};
use crate::share::{Metered, Share, Ticks};
use crate::tenant::{Stubborn, Tenant};
use setup::{configuration, linker, load};

/// The contract as Rust: made from `wit/` by wasmtime's `bindgen!`.
#[expect(
    missing_docs,
    reason = "generated from the contract, which holds the prose"
)]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "connector",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

pub use bindings::dx::connector::types::{
    Access, EndpointAccess, Failure, FailureKind, Mode, Selection, StreamInfo, Validation,
};

/// Which component to load.
#[derive(Debug, Clone)]
pub enum ComponentSource {
    /// Its bytes.
    Bytes(&'static [u8]),
    /// A file.
    File(PathBuf),
    /// A file written by [`Runtime::precompile`] on this very machine with this very program.
    Precompiled(PathBuf),
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
    pub fn new(source: &ComponentSource) -> Result<Self> {
        let engine = Engine::new(&configuration())?;
        let component = match source {
            ComponentSource::Bytes(bytes) => Component::from_binary(&engine, bytes)?,
            ComponentSource::File(file) => Component::from_file(&engine, file)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("{} can't be loaded", file.display()))?,
            ComponentSource::Precompiled(file) => load(&engine, file)?,
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
    pub fn with_memories(component: &[u8], memories: Arc<dyn MemoryCreator>) -> Result<Self> {
        let mut config = configuration();
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        // Nothing is promised of those memories, so every access is checked.
        config.memory_reservation(0).memory_guard_size(0);
        config.memory_init_cow(false);
        config.with_host_memory(memories);
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, component)?;
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
