//! Runs a connection with a component: its rows go to a schema of their own in the fleet's database.

use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_destinations::lost_table::LostTable;
use connector_destinations::sqlite::{self, MaxDelete, Sweeps};
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::address::NetworkPolicy;
use connector_runtime::connection::{ConnectionOptions, Signing, TenantConnection};
use connector_runtime::contract::{FailureKind, Mode, Selection};
use connector_runtime::description::Description;
use connector_runtime::failure::{Failure, Summary};
use connector_runtime::limits::Limits;
use connector_runtime::run::{self, Ended};
use connector_runtime::runtime::{Runtime, SyncRequest, Usage};
use serde_json::Value;
use tokio::task::spawn_blocking;

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
            Err(failure) => report(Ended {
                result: Err(failure),
                usage: Usage::default(),
            }),
        }
    }
}

impl ComponentRunner {
    /// An error is one before the first request.
    async fn sync(&self, order: &Order) -> Result<Report, Failure> {
        let lease = &order.lease;
        let connection = self.connect(order)?;
        let selection = select(&self.runtime, lease).map_err(invalid_config)?;
        let (postgres, state) = self.open(order).await?;
        let sweeps = postgres.report();
        let request = SyncRequest {
            limits: Limits::default(),
            selection: &selection,
            state: state.as_deref(),
            cancellation: order.cancellation.clone(),
        };
        let ended = run::run_to_end(&self.runtime, &connection, request, postgres).await;
        Ok(with_refused_closes(report(ended), lease, &sweeps.get()))
    }

    /// The secret is the host's: the guest never sees it. One that this worker cannot have, since its key, its files or
    /// its variables are not those of the others, is no fault of the connection, which is not paused for it.
    fn connect(&self, order: &Order) -> Result<TenantConnection, Failure> {
        let lease = &order.lease;
        let mut config = lease.config.as_object().cloned().unwrap_or_default();
        let secrets = &self.runtime.description().secret_fields;
        self.vault
            .open(&lease.name, secrets, &mut config)
            .map_err(Failure::from_error(FailureKind::Other))?;
        let options = ConnectionOptions {
            signing: Signing::Host,
            network: self.network.clone(),
            request_permits: Some(order.permits.clone()),
            ..ConnectionOptions::default()
        };
        self.runtime
            .connect(&Value::Object(config).to_string(), options)
    }

    /// Opens the schema on a thread that may block: a lock of another session must hold up this run alone. A run that is
    /// cancelled leaves the thread to its time limits.
    async fn open(&self, order: &Order) -> Result<(Postgres, Option<String>), Failure> {
        let options = PostgresOptions {
            max_delete: max_delete(&order.lease),
            fence: Some(order.fence.clone()),
            ..PostgresOptions::new(order.lease.schema())
        };
        let address = self.address.clone().with_application_name(&order.session);
        let connector = self.runtime.description().name.clone();
        let streams = self.runtime.streams().to_vec();
        let opened = spawn_blocking(move || {
            let mut postgres = Postgres::open(&address, &connector, &streams, options)?;
            let state = postgres.state()?;
            anyhow::Ok((postgres, state))
        });
        tokio::select! {
            opened = opened => {
                let opened = opened.context("the thread that opens the database panicked");
                opened.and_then(|opened| opened).map_err(unusable)
            }
            () = order.cancellation.cancelled() => Err(Failure::new(
                FailureKind::Cancelled,
                "the run was stopped while it waited for the database",
            )),
        }
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

/// The site whose limits a configuration's connection shares: the base URL as far as it names one, in one spelling.
///
/// # Errors
///
/// There is no base URL, or the connector reads nothing there.
pub fn site(description: &Description, config: &Value) -> Result<String> {
    let field = &description.base_url_field;
    let url = config.get(field).and_then(Value::as_str);
    let url = url.with_context(|| format!("{field} is missing in the configuration"))?;
    let site = description.site(url);
    let site = site.with_context(|| {
        format!("{field} is no address that the connector reads from, such as https:// and a host")
    })?;
    Ok(site.to_ascii_lowercase())
}

fn max_delete(lease: &Lease) -> MaxDelete {
    let allowed = lease.max_delete.map(MaxDelete::percent);
    allowed.and_then(Result::ok).unwrap_or_default()
}

/// A run whose own closes were refused waits for a person, unless it failed otherwise and comes again by itself. What an
/// earlier run was refused is a remark: the connection was resumed since, perhaps because the rows are there again.
fn with_refused_closes(report: Report, lease: &Lease, sweeps: &Sweeps) -> Report {
    let refused = !sweeps.refused.is_empty();
    let waiting = if refused {
        &sweeps.refused
    } else {
        &sweeps.remembered
    };
    if waiting.is_empty() {
        return report;
    }
    let decide = format!(
        "rows that were not found any more were kept in the schema {}, since more than {} % of a stream would be deleted: {}. \
         A permission that was taken away looks like this too: give it back, and resume the connection. If the rows are \
         really gone: confluence-fleet resume {:?} --max-delete 100",
        lease.schema(),
        max_delete(lease).get(),
        sqlite::describe(waiting),
        lease.name,
    );
    let message = match &report.message {
        Some(message) => format!("{message}; besides, {decide}"),
        None => decide,
    };
    let ending = match report.ending {
        Ending::Succeeded if refused => Ending::Failed {
            kind: FailureKind::InvalidConfig,
            retry_after: None,
        },
        ending => ending,
    };
    Report {
        ending,
        message: Some(message),
        ..report
    }
}

/// Rows of all streams.
fn rows(summary: &Summary) -> u64 {
    let rows = summary.get("rows").and_then(Value::as_object);
    rows.into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(Value::as_u64)
        .fold(0, u64::saturating_add)
}

fn report(Ended { result, usage }: Ended) -> Report {
    let (ending, message, details) = match result {
        Ok(summary) => (Ending::Succeeded, None, summary),
        Err(failure) => {
            let ending = Ending::Failed {
                kind: failure.kind,
                retry_after: failure.retry_after_ms.map(Duration::from_millis),
            };
            (ending, Some(failure.message), failure.details)
        }
    };
    let waited = details.get("waited_ms").and_then(Value::as_u64);
    Report {
        ending,
        message,
        rows: rows(&details),
        requests: usage.requests,
        cpu: usage.cpu,
        memory: usage.memory as u64,
        waited: Duration::from_millis(waited.unwrap_or(0)),
    }
}

fn invalid_config(error: anyhow::Error) -> Failure {
    Failure::from_error(FailureKind::InvalidConfig)(error)
}

/// A schema that cannot be used may be usable later, but a table does not come back by itself.
fn unusable(error: anyhow::Error) -> Failure {
    let kind = if error.is::<LostTable>() {
        FailureKind::InvalidState
    } else {
        FailureKind::Unavailable
    };
    Failure::from_error(kind)(error)
}

#[cfg(test)]
mod tests;
