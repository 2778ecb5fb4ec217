//! The command `host-test`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    connector_protocols::log_to_stderr();
    cli::Cli::parse().run().await
}
