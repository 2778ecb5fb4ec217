//! Loading a connector: it is compiled, and its description and its streams are checked.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::Runtime;
use crate::call_context::CallContext;
use crate::component_source::ComponentSource;
use crate::connection::ConnectionOptions;
use crate::contract::ConnectorPre;
use crate::cpu_scheduler::EpochTicker;
use crate::description::Description;
use crate::destination::NullDestination;
use crate::engine::{self, linker};
use crate::gate::Gate;
use crate::inert_wasi::{INERT, WasiImports};
use crate::limits::Limits;
use crate::printable::printable_within;
use crate::stream::Stream;

impl Runtime {
    /// Loads a connector, and registers it: its description and its streams are checked.
    ///
    /// # Errors
    ///
    /// It cannot be read or compiled, or is none of this contract.
    pub async fn load(source: &ComponentSource) -> Result<Self> {
        Self::load_with(source, WasiImports::Contract).await
    }

    /// The same for a component that may import more of WASI.
    ///
    /// # Errors
    ///
    /// Like [`Runtime::load`].
    pub async fn load_with(source: &ComponentSource, imports: WasiImports) -> Result<Self> {
        let engine = engine::new()?;
        let ticker = Arc::new(EpochTicker::start(&engine));
        Self::register(source, imports, engine, ticker).await
    }

    /// Loads another connector into the same engine, so that calls of both are neighbours.
    ///
    /// # Errors
    ///
    /// Like [`Runtime::load`].
    pub async fn load_beside(&self, source: &ComponentSource) -> Result<Self> {
        let (engine, ticker) = (self.engine.clone(), Arc::clone(&self.ticker));
        Self::register(source, WasiImports::Contract, engine, ticker).await
    }

    pub(crate) async fn register(
        source: &ComponentSource,
        imports: WasiImports,
        engine: Engine,
        ticker: Arc<EpochTicker>,
    ) -> Result<Self> {
        let (source, compiler) = (source.clone(), engine.clone());
        // Compiling can take minutes, and other calls go on meanwhile.
        let compiling = tokio::task::spawn_blocking(move || source.compile(&compiler));
        let component = compiling.await??;
        let connector = pre_instantiate(&engine, &component, imports)?;
        let mut runtime = Self {
            engine,
            connector,
            ticker,
            description: Description::default(),
            streams: Arc::new([]),
        };
        runtime.describe().await?;
        Ok(runtime)
    }

    /// Asks the component once what it is.
    async fn describe(&mut self) -> Result<()> {
        let nowhere = self.connect("{}", ConnectionOptions::default());
        let nowhere = nowhere.map_err(|failure| anyhow!(failure.message))?;
        let limits = Limits::for_registration();
        let context = CallContext::new(
            &nowhere,
            limits,
            Gate::closed(),
            Box::new(NullDestination),
            CancellationToken::new(),
        );
        let ((description, streams), _) = self
            .call(nowhere.tenant(), context, async |connector, store| {
                let source = connector.dx_connector_source();
                let description = source.call_describe(&mut *store).await?;
                Ok((description, source.call_list_streams(store).await?))
            })
            .await?;
        self.description = Description::parse(description)?;
        self.streams = Stream::parse_all(streams)?.into();
        Ok(())
    }
}

fn pre_instantiate(
    engine: &Engine,
    component: &Component,
    imports: WasiImports,
) -> Result<ConnectorPre<CallContext>> {
    let names: Vec<_> = component
        .component_type()
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    let inert = |name: &&String| INERT.iter().any(|package| name.starts_with(package));
    if let Some(name) = names
        .iter()
        .find(inert)
        .filter(|_| imports == WasiImports::Contract)
    {
        bail!(
            "the component imports {}, which a connector has no use for; allow it with --inert-wasi (in Rust, \
             WasiImports::Inert) if its language needs it: it then finds no files, no environment and no sockets",
            printable_within(name, 200)
        );
    }
    ConnectorPre::new(linker(engine, imports)?.instantiate_pre(component)?)
        .map_err(anyhow::Error::from)
        .context("the component does not fit the contract dx:connector@0.2.0")
}
