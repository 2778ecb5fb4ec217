//! The kinds of attack that the hostile guest of this workspace acts out, guests and servers alike.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use serde_json::json;

use crate::hostile_server::HostileServer;
use crate::neighbours::Neighbours;

/// What stands for the hostile server's address in an attack.
const SERVER: &str = "{server}";

/// The stream that the hostile guest is to read; it has another one.
const STREAM: &str = "items";

/// One attack of each kind, as the hostile guest is told; `{server}` stands for a hostile server.
pub const ATTACKS: [&str; 33] = [
    // The processor and memory of the sandbox.
    "loop",
    "memory 100",
    "memory",
    "stack",
    // Rows: many batches, many rows, long rows, rich rows.
    "flood 250",
    "flood 0",
    "empty-rows 2000000",
    "many-rows 800000",
    "many-rows 10000",
    "many-replaces 800000",
    "long-rows 1500",
    "same-row 1000",
    "many-values 1000000",
    // Deliveries that the contract does not allow.
    "deliver unselected",
    "deliver end-unselected",
    "deliver long-stream",
    "deliver no-json",
    "deliver sql-key",
    // Advice.
    "notes 100",
    "notes 1000000",
    "progress-names 3000 1000000",
    "waits",
    // What the host keeps for a guest.
    "handles",
    "many-fields",
    "hoard-fields 900",
    "hoard-bodies 300",
    "long-texts 7500000",
    // Requests that are denied, and servers that flood.
    "repeat http://192.0.2.1/denied",
    "send DELETE {server}/undeclared",
    "give-up {server}/endless-body",
    "repeat {server}/interim-answers",
    "repeat {server}/endless-head",
    "repeat {server}/endless-body",
];

/// Attackers on their marks: the component, and the server that some of them need.
pub struct Attackers {
    component: PathBuf,
    server: HostileServer,
}

impl Attackers {
    /// Builds the hostile guest, which is no part of this program, and starts its server.
    ///
    /// # Errors
    ///
    /// It cannot be built here.
    pub async fn prepare() -> Result<Self> {
        let build = || {
            let built = component_builder::build_guest("hostile-guest");
            built.map_err(|error| anyhow!("the hostile guest cannot be built: {error}"))
        };
        Ok(Self {
            component: tokio::task::spawn_blocking(build).await??,
            server: HostileServer::start()?,
        })
    }

    /// One tenant for each of these attacks.
    #[must_use]
    pub fn neighbours(&self, attacks: &[&str]) -> Neighbours {
        let url = self.server.url();
        let config = |attack: &&str| {
            let attack = attack.replace(SERVER, url);
            json!({ "url": url, "attack": attack }).to_string()
        };
        Neighbours {
            component: self.component.clone(),
            configs: attacks.iter().map(config).collect(),
            streams: vec![STREAM.to_owned()],
        }
    }
}
