//! What both protocols need of the runtime.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use connector_destinations::text_file;
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::{ConnectionOptions, TenantConnection};
use connector_runtime::contract::FailureKind;
use connector_runtime::failure::Failure;
use connector_runtime::runtime::Runtime;
use ipnet::IpNet;

use crate::adapter_config::{self, ConfigError, ConfigSource};
use crate::wasi_argument::WasiArgument;

/// The variable of the environment that allows servers on loopback, for tests and mocks.
const ALLOW_LOOPBACK: &str = "CONNECTOR_ALLOW_LOOPBACK";

/// The connector that an adapter speaks for.
#[derive(Debug, Clone)]
pub struct AdapterOptions {
    /// The component, where the caller names no other.
    pub component: ComponentSource,
    /// A variable of the environment that holds the secret, where the configuration does not.
    pub token_variable: &'static str,
    /// The same for the secret of an OAuth client.
    pub client_secret_variable: &'static str,
}

/// Files that cannot be read; clap ends so where the options are wrong.
const USAGE: u8 = 2;

/// How an adapter ends, for its help.
pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0  everything was done
  1  a failure with a kind
  2  a wrong option, or a file that cannot be read
A signal ends it as signals do.";

/// Why an adapter ended early.
#[derive(Debug)]
pub(crate) enum AdapterError {
    /// A file that the caller named cannot be read.
    Unreadable(Failure),
    /// Something else.
    Failed(Failure),
}

impl AdapterError {
    fn unreadable(error: anyhow::Error) -> Self {
        Self::Unreadable(Failure::from_error(FailureKind::InvalidConfig)(error))
    }

    pub(crate) fn failure(&self) -> &Failure {
        let (Self::Unreadable(failure) | Self::Failed(failure)) = self;
        failure
    }

    pub(crate) fn into_failure(self) -> Failure {
        let (Self::Unreadable(failure) | Self::Failed(failure)) = self;
        failure
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unreadable(_) => ExitCode::from(USAGE),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl From<Failure> for AdapterError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The text of a file that the caller named.
pub(crate) fn read_file(file: &Path) -> Result<String, AdapterError> {
    text_file::read(file).map_err(AdapterError::unreadable)
}

/// Which component is loaded.
#[derive(Debug, Args)]
pub(crate) struct ComponentArgument {
    /// Load this component instead of the one built in.
    #[arg(long, global = true, value_name = "FILE")]
    component: Option<PathBuf>,
    #[command(flatten)]
    wasi: WasiArgument,
}

impl ComponentArgument {
    /// Loads the connector.
    pub(crate) async fn load(&self, options: &AdapterOptions) -> Result<Runtime, AdapterError> {
        let source = match &self.component {
            Some(file) => ComponentSource::file(file),
            None => options.component.clone(),
        };
        source.check_readable().map_err(AdapterError::unreadable)?;
        let loaded = Runtime::load_with(&source, self.wasi.imports()).await;
        Ok(loaded.map_err(internal)?)
    }
}

/// How the service is reached, and as whom, besides the configuration.
#[derive(Debug, Args)]
pub(crate) struct ConnectionArguments {
    /// A file that holds the token alone; it comes before the configuration's.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Allow addresses of a network that is not part of the public internet; may be repeated.
    #[arg(long, global = true, value_name = "CIDR")]
    allow_network: Vec<IpNet>,
}

impl ConnectionArguments {
    fn policy(&self) -> NetworkPolicy {
        let networks = self.allow_network.iter().copied();
        let policy = networks.fold(NetworkPolicy::default(), NetworkPolicy::allow_network);
        if std::env::var(ALLOW_LOOPBACK).is_ok_and(|value| value == "1") {
            policy.allow_loopback()
        } else {
            policy
        }
    }
}

/// A connection of the configuration in a file.
pub(crate) fn connect(
    runtime: &Runtime,
    config: &Path,
    arguments: &ConnectionArguments,
    options: &AdapterOptions,
) -> Result<TenantConnection, AdapterError> {
    let source = ConfigSource {
        file: config.to_owned(),
        token_file: arguments.token_file.clone(),
        token_variable: options.token_variable,
        client_secret_variable: options.client_secret_variable,
    };
    let config = adapter_config::load(runtime.description(), &source);
    let config = config.map_err(|error| match error {
        ConfigError::Unreadable(error) => AdapterError::unreadable(error),
        ConfigError::Invalid(failure) => failure.into(),
    })?;
    let connection = ConnectionOptions {
        signing: config.signing,
        network: arguments.policy(),
        ..ConnectionOptions::default()
    };
    Ok(runtime.connect(&config.text, connection)?)
}

/// A failure of the host itself.
pub(crate) fn internal(error: anyhow::Error) -> Failure {
    Failure::from_error(FailureKind::Other)(error)
}
