//! The command `source-confluence-cloud`.

use std::process::ExitCode;

use clap::Parser as _;
use host_test::airbyte::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    host_test::cli::log_to_stderr();
    Cli::parse().run().await
}
