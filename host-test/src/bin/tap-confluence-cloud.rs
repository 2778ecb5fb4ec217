//! The command `tap-confluence-cloud`.

use std::process::ExitCode;

use clap::Parser as _;
use connector_protocols::singer::Cli;
use connector_runtime::engine::ComponentSource;

#[tokio::main]
async fn main() -> ExitCode {
    connector_protocols::log_to_stderr();
    let component = ComponentSource::Bytes(confluence_component::COMPONENT);
    Cli::parse().run(&component).await
}
