//! Runs a connection with a component: its rows go to a schema of their own in the fleet's database.

use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_destinations::sqlite::{MaxDelete, SweepReport};
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::address::NetworkPolicy;
use connector_runtime::connection::{ConnectionOptions, Signing, TenantConnection};
use connector_runtime::contract::{FailureKind, Mode, Selection};
use connector_runtime::failure::{Failure, Summary};
use connector_runtime::limits::Limits;
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use serde_json::Value;

use crate::lease::Lease;
use crate::policy::Ending;
use crate::runner::{Order, Report, Runner};
use crate::secrets::Vault;

/// Runs connections with one component.
pub struct ComponentRunner {
    /// The component.
    pub runtime: Runtime,
    /// Opens the secrets of configurations.
    pub vault: Vault,
    /// Where the rows go.
    pub address: Address,
    /// What may be reached beyond the public internet.
    pub network: NetworkPolicy,
}

impl Runner for ComponentRunner {
    async fn run(&self, order: Order) -> Report {
        match self.sync(&order).await {
            Ok(report) => report,
            Err(failure) => failed(&failure, Duration::ZERO),
        }
    }
}

impl ComponentRunner {
    async fn sync(&self, order: &Order) -> Result<Report, Failure> {
        let lease = &order.lease;
        let connection = self.connect(lease)?;
        let selection = select(&self.runtime, lease).map_err(invalid_config)?;
        let (postgres, state) = self.open(order).map_err(unavailable)?;
        let sweeps = postgres.report();
        let request = SyncRequest {
            limits: Limits::default(),
            selection: &selection,
            state: state.as_deref(),
            cancellation: order.cancellation.clone(),
        };
        let completed = run::run(&self.runtime, &connection, request, postgres).await?;
        if let Some(message) = refused_close(&sweeps) {
            return Err(Failure::new(FailureKind::InvalidConfig, message));
        }
        Ok(Report {
            ending: Ending::Succeeded,
            message: None,
            rows: rows(&completed.summary),
            requests: completed.usage.requests,
            cpu: completed.usage.cpu,
        })
    }

    /// The secret is the host's: the guest never sees it.
    fn connect(&self, lease: &Lease) -> Result<TenantConnection, Failure> {
        let mut config = lease.config.as_object().cloned().unwrap_or_default();
        self.vault
            .open(&lease.name, &mut config)
            .map_err(invalid_config)?;
        let options = ConnectionOptions {
            signing: Signing::Host,
            network: self.network.clone(),
            ..ConnectionOptions::default()
        };
        self.runtime
            .connect(&Value::Object(config).to_string(), options)
    }

    fn open(&self, order: &Order) -> Result<(Postgres, Option<String>)> {
        let options = PostgresOptions {
            schema: order.lease.schema(),
            max_delete: MaxDelete::default(),
            fence: Some(order.fence.clone()),
        };
        let address = self.address.clone().with_application_name(&order.session);
        let connector = &self.runtime.description().name;
        let mut postgres = Postgres::open(&address, connector, self.runtime.streams(), options)?;
        let state = postgres.state()?;
        Ok((postgres, state))
    }
}

/// The streams of a connection, all where it names none.
///
/// # Errors
///
/// It names a stream that there is not.
pub fn select(runtime: &Runtime, lease: &Lease) -> Result<Vec<Selection>> {
    let mode = match lease.mode.as_str() {
        "full" => Mode::Full,
        _ => Mode::Incremental,
    };
    let mut names = lease.streams.clone();
    if names.is_empty() {
        names.extend(runtime.streams().iter().map(|stream| stream.name.clone()));
    }
    let wanted: Vec<_> = names
        .into_iter()
        .map(|stream| Selection { stream, mode })
        .collect();
    run::select(runtime.streams(), &wanted)
}

/// The site whose limits a configuration's connection shares: the base URL as far as it names one.
///
/// # Errors
///
/// There is no base URL.
pub fn site(runtime: &Runtime, config: &Value) -> Result<String> {
    let field = &runtime.description().base_url_field;
    let url = config.get(field).and_then(Value::as_str);
    let url = url.with_context(|| format!("{field} is missing in the configuration"))?;
    Ok(url.trim().trim_end_matches('/').to_ascii_lowercase())
}

fn refused_close(sweeps: &SweepReport) -> Option<String> {
    let sweeps = sweeps.get();
    let (stream, refused) = sweeps.refused.first_key_value()?;
    Some(format!(
        "the end of the snapshot would delete {} of {} rows of {stream}, more than 30 %; nothing was deleted. If the \
         rows are gone at the source on purpose, run once: host-test sync --to postgres:URL --max-delete 100",
        refused.rows, refused.of
    ))
}

/// Rows of all streams.
fn rows(summary: &Summary) -> u64 {
    let rows = summary.get("rows").and_then(Value::as_object);
    rows.into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(Value::as_u64)
        .sum()
}

fn failed(failure: &Failure, cpu: Duration) -> Report {
    let requests = failure.details.get("requests").and_then(Value::as_u64);
    Report {
        ending: Ending::Failed {
            kind: failure.kind,
            retry_after: failure.retry_after_ms.map(Duration::from_millis),
        },
        message: Some(failure.message.clone()),
        rows: rows(&failure.details),
        requests: requests.unwrap_or(0),
        cpu,
    }
}

fn invalid_config(error: anyhow::Error) -> Failure {
    Failure::from_error(FailureKind::InvalidConfig)(error)
}

fn unavailable(error: anyhow::Error) -> Failure {
    Failure::from_error(FailureKind::Unavailable)(error)
}
