//! What both protocols need of the runtime.

use std::path::{Path, PathBuf};

use clap::Args;
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::{ConnectionOptions, TenantConnection};
use connector_runtime::contract::FailureKind;
use connector_runtime::failure::Failure;
use connector_runtime::runtime::Runtime;

use crate::adapter_config::{self, ConfigError, ConfigSource};

/// The variable of the environment that allows servers on loopback, for tests and mocks.
const ALLOW_LOOPBACK: &str = "CONNECTOR_ALLOW_LOOPBACK";

/// The connector that an adapter speaks for.
#[derive(Debug, Clone)]
pub struct AdapterOptions {
    /// The component, where the caller names no other.
    pub component: ComponentSource,
    /// A variable of the environment that holds the secret, where the configuration does not.
    pub token_variable: &'static str,
}

/// Which component is loaded.
#[derive(Debug, Args)]
pub(crate) struct ComponentArgument {
    /// Load this component instead of the one built in.
    #[arg(long, global = true, value_name = "FILE")]
    component: Option<PathBuf>,
}

impl ComponentArgument {
    /// Loads the connector.
    pub(crate) async fn load(&self, options: &AdapterOptions) -> Result<Runtime, Failure> {
        let source = match &self.component {
            Some(file) => ComponentSource::file(file),
            None => options.component.clone(),
        };
        Runtime::load(&source).await.map_err(internal)
    }
}

/// A connection of the configuration in a file.
pub(crate) fn connect(
    runtime: &Runtime,
    config: &Path,
    options: &AdapterOptions,
) -> Result<TenantConnection, Failure> {
    let source = ConfigSource {
        file: config.to_owned(),
        token_file: None,
        token_variable: options.token_variable,
    };
    let config =
        adapter_config::load(runtime.description(), &source).map_err(ConfigError::into_failure)?;
    let mut network = NetworkPolicy::default();
    if std::env::var(ALLOW_LOOPBACK).is_ok_and(|value| value == "1") {
        network = network.allow_loopback();
    }
    let connection = ConnectionOptions {
        signing: config.signing,
        network,
        ..ConnectionOptions::default()
    };
    runtime.connect(&config.text, connection)
}

/// A failure of the host itself.
pub(crate) fn internal(error: anyhow::Error) -> Failure {
    Failure::from_error(FailureKind::Other)(error)
}
