//! What all commands share: the component, the network, and how much is shown.

use std::path::PathBuf;

use clap::Args;
use connector_destinations::{progress::Verbosity, text_file};
use connector_protocols::adapter_config::{self, ConfigError, ConfigSource};
use connector_runtime::address::NetworkPolicy;
use connector_runtime::component_source::ComponentSource;
use connector_runtime::connection::{ConnectionOptions, Signing, TenantConnection};
use connector_runtime::failure::Failure;
use connector_runtime::inert_wasi::WasiImports;
use connector_runtime::runtime::Runtime;
use tokio::task::block_in_place;

use super::error::{CommandError, CommandResult};

/// The variable of the environment that holds the token, where nothing else does.
pub(super) const TOKEN_VARIABLE: &str = "CONFLUENCE_API_TOKEN";
/// The same for the secret of an OAuth client.
const CLIENT_SECRET_VARIABLE: &str = "CONFLUENCE_CLIENT_SECRET";

/// What all commands share.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) component: ComponentSource,
    pub(crate) imports: WasiImports,
    pub(crate) network: NetworkPolicy,
    pub(crate) verbosity: Verbosity,
}

/// The configuration, and who signs.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The configuration, a JSON file; - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Read the token from this file, which holds nothing else. Without it the token is that of the configuration, as a
    /// text or as {"file": "…"}, else that of CONFLUENCE_API_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let the host sign the requests, so that the component never sees the token.
    #[arg(long)]
    pub(crate) sign_in_host: bool,
}

impl ConfigArguments {
    /// The text of the configuration. Whoever listens for signals goes on meanwhile: nobody may ever write to a pipe.
    pub(crate) fn read(&self) -> CommandResult<String> {
        block_in_place(|| text_file::read(&self.config)).map_err(CommandError::Usage)
    }
}

impl Context {
    /// Loads the component.
    pub(crate) async fn load(&self) -> CommandResult<Runtime> {
        self.component
            .check_readable()
            .map_err(CommandError::Usage)?;
        Ok(Runtime::load_with(&self.component, self.imports).await?)
    }

    /// A connection of a configuration. The inner error is the user's to mend.
    pub(crate) fn connect(
        &self,
        runtime: &Runtime,
        arguments: &ConfigArguments,
    ) -> CommandResult<Result<TenantConnection, Failure>> {
        let text = arguments.read()?;
        self.connect_text(runtime, arguments, text)
    }

    /// The same, of the text of a configuration.
    pub(crate) fn connect_text(
        &self,
        runtime: &Runtime,
        arguments: &ConfigArguments,
        text: String,
    ) -> CommandResult<Result<TenantConnection, Failure>> {
        let source = ConfigSource {
            file: arguments.config.clone(),
            token_file: arguments.token_file.clone(),
            token_variable: TOKEN_VARIABLE,
            client_secret_variable: CLIENT_SECRET_VARIABLE,
        };
        // It may read the secret from a pipe.
        let resolve = || adapter_config::resolve(runtime.description(), text, &source);
        let config = match block_in_place(resolve) {
            Ok(config) => config,
            Err(ConfigError::Invalid(failure)) => return Ok(Err(failure)),
            Err(unreadable) => return Err(unreadable.into()),
        };
        let signing = if arguments.sign_in_host {
            Signing::Host
        } else {
            config.signing
        };
        Ok(runtime.connect(&config.text, self.connection_options(signing)))
    }

    pub(crate) fn connection_options(&self, signing: Signing) -> ConnectionOptions {
        ConnectionOptions {
            signing,
            network: self.network.clone(),
            ..ConnectionOptions::default()
        }
    }
}
