//! The command `host-test`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;
use connector_runtime::compile_child;

fn main() -> ExitCode {
    // A child that compiles a component has no other task, and no threads.
    compile_child::run_if_requested().unwrap_or_else(run)
}

#[tokio::main]
async fn run() -> ExitCode {
    cli::Cli::parse().run().await
}
