//! What a worker makes sure of before it takes its first job.

use std::time::Duration;

use anyhow::{Result, bail};
use connector_runtime::CancellationToken;
use tokio::time::{Instant, sleep};

use crate::secrets::Vault;
use crate::store::{Sealed, Store};

/// How long to wait before the database is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// How long lies between two warnings of a database that is away.
const WARNINGS: Duration = Duration::from_secs(30);

/// Secrets that are tried at most: one that opens is enough.
const TRIED: i64 = 100;

/// Waits until the database has the tables of the fleet, and compares the key with it. False if the worker was stopped.
///
/// # Errors
///
/// The key is not the one that the secrets are encrypted with.
pub async fn ready(store: &Store, vault: &Vault, stop: &CancellationToken) -> Result<bool> {
    tokio::select! {
        sealed = wait_for_tables(store) => compare(&sealed, vault).map(|()| true),
        () = stop.cancelled() => Ok(false),
    }
}

/// The encrypted secrets, as soon as they can be read.
async fn wait_for_tables(store: &Store) -> Vec<Sealed> {
    let mut hinted = false;
    let mut warned_at: Option<Instant> = None;
    loop {
        match sealed(store).await {
            Ok(Some(sealed)) => return sealed,
            Ok(None) if !hinted => {
                hinted = true;
                tracing::warn!(
                    "the database has no fleet; has `confluence-fleet migrate` been run? This worker waits for it"
                );
            }
            Err(error) if warned_at.is_none_or(|at| at.elapsed() > WARNINGS) => {
                warned_at = Some(Instant::now());
                tracing::warn!("the database cannot be used, trying again: {error:#}");
            }
            Ok(None) | Err(_) => {}
        }
        sleep(RETRY).await;
    }
}

async fn sealed(store: &Store) -> Result<Option<Vec<Sealed>>> {
    if store.is_migrated().await? {
        Ok(Some(store.sealed(TRIED).await?))
    } else {
        Ok(None)
    }
}

/// Compares a key with the secrets in the database. One that opens is enough: a single connection whose secret was
/// encrypted with another key must not stop a fleet.
///
/// # Errors
///
/// There are secrets, and the key opens none of those that were tried; or the database cannot be read.
pub async fn check_key(store: &Store, vault: &Vault) -> Result<()> {
    compare(&store.sealed(TRIED).await?, vault)
}

fn compare(sealed: &[Sealed], vault: &Vault) -> Result<()> {
    let opens = sealed
        .iter()
        .filter_map(|(name, config)| vault.can_open(name, config));
    let opens: Vec<_> = opens.collect();
    if opens.is_empty() || opens.contains(&true) {
        return Ok(());
    }
    if vault.has_key() {
        bail!(
            "FLEET_KEY is not the key that the secrets in this database were encrypted with: set it to the value that it \
             had when the connections were added, or, if that is lost, remove them and add them again"
        );
    }
    bail!(
        "FLEET_KEY is not set, and secrets in this database are encrypted with it: set it to the value that it had when \
         the connections were added"
    )
}
