//! The component, compiled once and called for many tenants: one store a call, each within its limits.

use std::sync::Arc;

use anyhow::{Result, bail};
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;

use crate::call_context::CallContext;
use crate::connection::{ConnectionOptions, TenantConnection};
use crate::contract::ConnectorPre;
use crate::cpu_scheduler::EpochTicker;
use crate::description::Description;
use crate::destination::Destination;
use crate::failure::{Failure, Validation, summary};
use crate::gate::Gate;
use crate::limits::Limits;
use crate::printable::printable;
use crate::stream::Stream;

mod call;
mod registration;
mod request;

pub use call::Stopped;
pub use request::{Outcome, SyncRequest, Usage};

/// A connector that was loaded and registered: compiled, and its description and streams checked.
pub struct Runtime {
    engine: Engine,
    connector: ConnectorPre<CallContext>,
    ticker: Arc<EpochTicker>,
    description: Description,
    streams: Arc<[Stream]>,
}

impl Runtime {
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
        let gate = Gate::closed();
        let context = CallContext::new(connection, limits, gate, destination, cancellation.clone());
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
        let gate = Gate::of_run(Arc::clone(&self.streams), selection);
        let context = CallContext::new(connection, limits, gate, destination, cancellation);
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
}
