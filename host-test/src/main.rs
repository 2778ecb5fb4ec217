//! The command `host-test`.

mod cli;

use std::process::ExitCode;

use connector_protocols::arguments;
use connector_runtime::compile_child;

fn main() -> ExitCode {
    // A child that compiles a component has no other task, and no threads.
    compile_child::run_if_requested().unwrap_or_else(run)
}

#[tokio::main]
async fn run() -> ExitCode {
    // In a task, on a thread of the pool: what a run waits for ends there too, and wakes no other thread.
    let cli: cli::Cli = match arguments::parse("host-test") {
        Ok(cli) => cli,
        Err(ended) => return ended,
    };
    let command = tokio::spawn(cli.run());
    command.await.unwrap_or(ExitCode::FAILURE)
}
