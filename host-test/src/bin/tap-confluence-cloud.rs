//! The command `tap-confluence-cloud`: Confluence Cloud as a Singer tap.

use std::process::ExitCode;

use clap::Parser as _;
use connector_protocols::logging;
use connector_protocols::singer::{AdapterOptions, Cli};
use connector_runtime::component_source::ComponentSource;

#[tokio::main]
async fn main() -> ExitCode {
    logging::to_stderr("warn");
    let options = AdapterOptions {
        component: ComponentSource::embedded(confluence_component::COMPONENT),
        token_variable: "CONFLUENCE_API_TOKEN",
    };
    Cli::parse().run(&options).await
}
