//! Tenants that run beside the measured ones for as long as those take.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::TenantConnection;
use connector_runtime::destination::NullDestination;
use connector_runtime::runtime::{Runtime, SyncRequest};
use tokio::task::JoinSet;

use crate::{connect, select_all};

/// What the built-in attackers do: one never calls the host, one never stops calling it.
const ATTACKS: [&str; 2] = ["loop", "flood 250"];

/// Who runs beside the measured tenants.
#[derive(Debug, Clone, Default)]
pub enum Neighbours {
    /// Nobody.
    #[default]
    None,
    /// Two attackers, built from this workspace: one loops, one floods the sink.
    Attackers,
    /// A component of a file, so many times, each a tenant of its own.
    Component {
        /// The component.
        file: PathBuf,
        /// The configuration of each.
        config: String,
        /// How many.
        count: usize,
    },
}

impl Neighbours {
    /// Loads them into the engine of `runtime` and starts them. They run until the set is dropped.
    pub(crate) async fn start(&self, runtime: &Runtime) -> Result<JoinSet<()>> {
        let (source, configs) = match self {
            Self::None => return Ok(JoinSet::new()),
            Self::Attackers => {
                let config = |attack| format!(r#"{{"url":"","attack":"{attack}"}}"#);
                let source = ComponentSource::Bytes(hostile_guest().await?.into());
                (source, ATTACKS.map(config).to_vec())
            }
            Self::Component {
                file,
                config,
                count,
            } => (ComponentSource::file(file), vec![config.clone(); *count]),
        };
        let guest = Arc::new(runtime.load_beside(&source).await?);
        let mut running = JoinSet::new();
        for config in configs {
            let connection = connect(&guest, &config)?;
            running.spawn(run_repeatedly(Arc::clone(&guest), connection));
        }
        Ok(running)
    }
}

/// Starts its sync again whenever it ends, however it ends: a limit that it met, or a failure of its own.
async fn run_repeatedly(guest: Arc<Runtime>, connection: TenantConnection) {
    let selection = select_all(&guest);
    loop {
        let request = SyncRequest {
            selection: &selection,
            ..SyncRequest::default()
        };
        let _ = guest
            .sync(&connection, request, Box::new(NullDestination))
            .await;
        tokio::task::yield_now().await;
    }
}

/// The attackers' component; it is no part of this program.
async fn hostile_guest() -> Result<Vec<u8>> {
    let build = || {
        let built = component_builder::build_guest("hostile-guest");
        built.map_err(|error| anyhow!("the hostile guest cannot be built: {error}"))
    };
    let file = tokio::task::spawn_blocking(build).await??;
    std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
}
