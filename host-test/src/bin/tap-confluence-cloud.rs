//! The command `tap-confluence-cloud`: Confluence Cloud as a Singer tap.

use std::process::ExitCode;

use connector_protocols::singer::{AdapterOptions, Cli};
use connector_protocols::{arguments, logging};
use connector_runtime::compile_child;
use connector_runtime::component_source::ComponentSource;

fn main() -> ExitCode {
    // A child that compiles a component has no other task, and no threads.
    compile_child::run_if_requested().unwrap_or_else(run)
}

#[tokio::main]
async fn run() -> ExitCode {
    logging::to_stderr("warn");
    let options = AdapterOptions {
        component: ComponentSource::embedded(confluence_component::COMPONENT),
        token_variable: "CONFLUENCE_API_TOKEN",
        client_secret_variable: "CONFLUENCE_CLIENT_SECRET",
    };
    match arguments::parse::<Cli>("tap-confluence-cloud") {
        Ok(cli) => cli.run(&options).await,
        Err(ended) => ended,
    }
}
