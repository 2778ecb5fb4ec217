//! The component, compiled once and called for many tenants: one store a call, each within its limits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::call_context::CallContext;
use crate::component_source::ComponentSource;
use crate::connection::{ConnectionOptions, TenantConnection};
use crate::contract::{ConnectorPre, Selection};
use crate::cpu_scheduler::EpochTicker;
use crate::description::Description;
use crate::destination::{Destination, NullDestination};
use crate::engine::{configuration, linker};
use crate::failure::{Failure, Summary, Validation, summary};
use crate::gate::Gate;
use crate::inert_wasi::{INERT, WasiImports};
use crate::limits::{Exceeded, Limits};
use crate::printable::{printable, printable_within};
use crate::stream::Stream;

mod call;

pub use call::Stopped;

/// A connector that was loaded and registered: compiled, and its description and streams checked.
pub struct Runtime {
    engine: Engine,
    connector: ConnectorPre<CallContext>,
    ticker: Arc<EpochTicker>,
    description: Description,
    streams: Arc<[Stream]>,
}

/// What a call used.
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
    /// Well, or with a failure that the component reports.
    pub result: Result<Summary, Failure>,
    /// Why the destination refused, if it did.
    pub refusal: Option<anyhow::Error>,
    /// The first limit that a request exceeded, whatever the component made of it.
    pub exceeded: Option<Exceeded>,
    /// What the call used.
    pub usage: Usage,
}

/// What a run reads, and within which limits.
#[derive(Debug, Clone, Default)]
pub struct SyncRequest<'a> {
    /// What one call may use.
    pub limits: Limits,
    /// Streams, each with its mode.
    pub selection: &'a [Selection],
    /// Of the last checkpoint, or none for a fresh start.
    pub state: Option<&'a str>,
    /// Stops the run: the sink refuses its next call.
    pub cancellation: CancellationToken,
}

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
        let engine = Engine::new(&configuration())?;
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
        let context = self.context(
            &nowhere,
            limits,
            &[],
            Box::new(NullDestination),
            &CancellationToken::new(),
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

    /// What the connector says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The streams of the connector.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// A connection of one tenant.
    ///
    /// # Errors
    ///
    /// The host shall sign and has no secret to sign with: `invalid_config`, naming the field.
    pub fn connect(
        &self,
        config: &str,
        options: ConnectionOptions,
    ) -> Result<TenantConnection, Failure> {
        TenantConnection::new(&self.description, &self.ticker, config, options)
    }

    /// Validates the configuration of a connection. Only notes reach the destination.
    ///
    /// # Errors
    ///
    /// The component traps or exceeds a limit.
    pub async fn validate(
        &self,
        connection: &TenantConnection,
        limits: Limits,
        destination: Box<dyn Destination>,
        cancellation: &CancellationToken,
    ) -> Result<Validation> {
        connection.forget_fault();
        let config = connection.config();
        let context = self.context(connection, limits, &[], destination, cancellation);
        let (found, _) = self
            .call(connection.tenant(), context, async |connector, store| {
                connector
                    .dx_connector_source()
                    .call_validate(store, config)
                    .await
            })
            .await?;
        let mut found = Validation::from_guest(found, connection.secrets());
        found.explain(connection.fault());
        Ok(found)
    }

    /// Reads streams into a destination.
    ///
    /// # Errors
    ///
    /// The component traps or exceeds a limit. What the component itself reports is in the outcome.
    pub async fn sync(
        &self,
        connection: &TenantConnection,
        request: SyncRequest<'_>,
        destination: Box<dyn Destination>,
    ) -> Result<Outcome> {
        connection.forget_fault();
        let config = connection.config();
        let SyncRequest {
            limits,
            selection,
            state,
            cancellation,
        } = request;
        if let Some(unknown) = selection.iter().find(|one| !self.has_stream(&one.stream)) {
            bail!("there is no stream {:?}", printable(&unknown.stream));
        }
        let context = self.context(connection, limits, selection, destination, &cancellation);
        let (result, report) = self
            .call(connection.tenant(), context, async |connector, store| {
                connector
                    .dx_connector_source()
                    .call_sync(store, config, selection, state)
                    .await
            })
            .await?;
        let secrets = connection.secrets();
        Ok(Outcome {
            result: match result {
                Ok(json) => Ok(summary(Some(json), secrets)),
                Err(failure) => {
                    let mut failure = Failure::from_guest(failure, secrets);
                    failure.explain(connection.fault());
                    Err(failure)
                }
            },
            refusal: report.refusal,
            exceeded: report.exceeded,
            usage: report.usage,
        })
    }

    fn has_stream(&self, name: &str) -> bool {
        self.streams.iter().any(|stream| stream.name == name)
    }

    fn context(
        &self,
        connection: &TenantConnection,
        limits: Limits,
        selection: &[Selection],
        destination: Box<dyn Destination>,
        cancellation: &CancellationToken,
    ) -> CallContext {
        let gate = Gate::new(Arc::clone(&self.streams), selection);
        CallContext::new(connection, limits, gate, destination, cancellation.clone())
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
