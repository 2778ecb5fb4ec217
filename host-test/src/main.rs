//! The command `host-test`.

use std::process::ExitCode;

use clap::Parser as _;
use host_test::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    host_test::cli::log_to_stderr();
    Cli::parse().run().await
}
