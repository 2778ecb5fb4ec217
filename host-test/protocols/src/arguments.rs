//! The arguments of a command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use connector_destinations::stderr;
use connector_destinations::stdout::StandardOutput;

/// Parses the arguments of this process, which is called `name`. The error is how it ends otherwise: after its help, or
/// with what is wrong.
///
/// clap's own function ignores that the help could not be printed.
///
/// # Errors
///
/// The process was asked for help, or in a wrong way.
pub fn parse<T: Parser>(name: &'static str) -> Result<T, ExitCode> {
    let matches = T::command().name(name).try_get_matches();
    let parsed = matches.and_then(|mut matches| T::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| {
        if error.use_stderr() {
            error.exit();
        }
        match print(&error) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                stderr::print_line(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    })
}

fn print(help: &clap::Error) -> anyhow::Result<()> {
    let mut out = StandardOutput::open()?;
    write!(out, "{}", help.render())?;
    Ok(out.flush()?)
}
