//! The configured catalog: which streams Airbyte wants, and how.

use anyhow::Result;
use connector_runtime::contract::Mode;
use serde::Deserialize;

#[derive(Deserialize)]
struct ConfiguredCatalog {
    streams: Vec<ConfiguredStream>,
}

#[derive(Deserialize)]
struct ConfiguredStream {
    stream: Named,
    sync_mode: SyncMode,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SyncMode {
    FullRefresh,
    Incremental,
}

/// The streams of a configured catalog, each with its mode.
pub(super) fn configured_modes(catalog: &str) -> Result<Vec<(String, Mode)>> {
    let catalog: ConfiguredCatalog = serde_json::from_str(catalog)?;
    let mode = |configured: ConfiguredStream| {
        let mode = match configured.sync_mode {
            SyncMode::FullRefresh => Mode::Full,
            SyncMode::Incremental => Mode::Incremental,
        };
        (configured.stream.name, mode)
    };
    Ok(catalog.streams.into_iter().map(mode).collect())
}
