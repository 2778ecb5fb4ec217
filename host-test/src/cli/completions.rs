//! `host-test completions` and `host-test man`: help where a shell and `man` look for it.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use connector_destinations::stdout::StandardOutput;

use super::Cli;
use super::error::CommandResult;

pub(super) fn run(shell: Shell) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "host-test", &mut script);
    write(&script)
}

pub(super) fn manual() -> CommandResult {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .context("the manual page cannot be made")?;
    write(&page)
}

fn write(text: &[u8]) -> CommandResult {
    let mut out = StandardOutput::open()?;
    out.write_all(text)
        .and_then(|()| out.flush())
        .context("standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
