//! Tenants that run beside the measured ones for as long as those take.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::Selection;
use connector_runtime::destination::NullDestination;
use connector_runtime::runtime::{Runtime, SyncRequest};
use connector_runtime::tenant::Tenant;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{connect, select_all};

/// A component that runs beside the measured tenants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Neighbours {
    /// Its file.
    pub component: PathBuf,
    /// Configurations, one for each tenant.
    pub configs: Vec<String>,
    /// Streams that they read; all of them if there is none.
    pub streams: Vec<String>,
}

/// Neighbours that run until they are stopped.
#[derive(Default)]
pub(crate) struct Running {
    tasks: JoinSet<()>,
    tenants: Vec<Tenant>,
}

impl Neighbours {
    /// Loads them into the engine of `runtime` and starts them.
    pub(crate) async fn start(&self, runtime: &Runtime) -> Result<Running> {
        let source = ComponentSource::file(&self.component);
        let guest = Arc::new(runtime.load_beside(&source).await?);
        let mut selection = select_all(&guest);
        selection
            .retain(|selected| self.streams.is_empty() || self.streams.contains(&selected.stream));
        let selection: Arc<[Selection]> = selection.into();
        let mut running = Running::default();
        for config in &self.configs {
            let connection = connect(&guest, config)?;
            running.tenants.push(connection.tenant().clone());
            let (guest, selection) = (Arc::clone(&guest), Arc::clone(&selection));
            running
                .tasks
                .spawn(run_repeatedly(guest, connection, selection));
        }
        Ok(running)
    }
}

impl Running {
    /// Stops them and waits until they are gone: the runtime of a process that ends would cancel what they wait for, and
    /// they would notice.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    pub(crate) fn tenants(&self) -> Vec<Tenant> {
        self.tenants.clone()
    }
}

/// Starts its sync again whenever it ends, however it ends: a limit that it exceeded, or a failure of its own.
async fn run_repeatedly(
    guest: Arc<Runtime>,
    connection: TenantConnection,
    selection: Arc<[Selection]>,
) {
    loop {
        let request = SyncRequest {
            selection: &selection,
            ..SyncRequest::default()
        };
        let ended = guest
            .sync(&connection, request, Box::new(NullDestination))
            .await;
        tracing::debug!("a neighbour ended: {ended:?}");
        tokio::task::yield_now().await;
    }
}
