//! One run in a process of its own: it reads what to measure from standard input and prints its figures as JSON.
//!
//! Not by arguments: a configuration can hold a secret, and everybody sees the arguments of a process.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use confluence_component::COMPONENT;
use connector_runtime::component_source::ComponentSource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::comparison::{self, Client};
use crate::multi_tenant;
use crate::neighbours::Neighbours;

/// The hidden command of this program that calls [`execute`].
pub const COMMAND: &str = "bench-run";

/// What one process measures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRequest {
    /// File of the measured component, or the one built in.
    pub component: Option<PathBuf>,
    /// Its configuration.
    pub config: String,
    /// What is measured of it.
    pub measurement: Measurement,
}

/// What is measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Measurement {
    /// One sync of one client.
    Client(Client),
    /// Many tenants at once.
    Tenants {
        /// How many.
        count: usize,
        /// Who runs beside them.
        neighbours: Option<Neighbours>,
    },
}

impl RunRequest {
    /// Where the measured component comes from.
    pub(crate) fn source(&self) -> ComponentSource {
        self.component.as_ref().map_or_else(
            || ComponentSource::embedded(COMPONENT),
            ComponentSource::file,
        )
    }

    /// Executes it in a new process of this program, and reads the figures that it prints.
    pub(crate) async fn in_child<T: for<'de> Deserialize<'de>>(&self) -> Result<T> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&serde_json::to_vec(self)?).await?;
        }
        let output = child.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "a run of the bench failed, see above ({})",
            output.status
        );
        serde_json::from_slice(&output.stdout).context("a run of the bench printed no figures")
    }
}

/// Executes one run in this process: its figures as JSON.
///
/// # Errors
///
/// The request is none, or the run fails.
pub async fn execute(request: &str) -> Result<Value> {
    let request: RunRequest =
        serde_json::from_str(request).context("this is for the bench alone: run `bench`")?;
    match &request.measurement {
        Measurement::Tenants { count, neighbours } => {
            let figures = multi_tenant::measure(&request, *count, neighbours.as_ref()).await?;
            Ok(json!(figures))
        }
        Measurement::Client(client) => {
            let client = *client;
            let run = move || comparison::measure(client, &request);
            Ok(json!(tokio::task::spawn_blocking(run).await??))
        }
    }
}
