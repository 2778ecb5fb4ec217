//! The arguments of a command.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};
use connector_destinations::stderr;
use connector_destinations::stdout::StandardOutput;
use connector_runtime::printable::printable;

/// Parses the arguments of this process, which is called `name`. The error is how it ends otherwise: after its help, or
/// with what is wrong.
///
/// clap's own function ignores that the help could not be printed.
///
/// # Errors
///
/// The process was asked for help, or in a wrong way.
pub fn parse<T: Parser>(name: &'static str) -> Result<T, ExitCode> {
    let given: Vec<_> = std::env::args_os().collect();
    parse_printable::<T>(name, &given).map_err(|error| {
        if error.use_stderr() {
            without_secrets(error).exit();
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

/// Parses arguments. What is wrong with them is said of the same arguments without what a terminal does not simply show:
/// a script may have them from elsewhere, and the error quotes them, in its sources too.
fn parse_printable<T: Parser>(name: &'static str, given: &[OsString]) -> Result<T, clap::Error> {
    parse_from::<T>(name, given).map_err(|error| {
        if !error.use_stderr() {
            return error;
        }
        let shown = |argument: &OsString| printable(&argument.to_string_lossy()).into_owned();
        let shown: Vec<_> = given.iter().map(shown).map(OsString::from).collect();
        let said = parse_from::<T>(name, &shown).err();
        // What is not in UTF-8 may be right once it is shown; that error quotes nothing.
        said.filter(clap::Error::use_stderr).unwrap_or(error)
    })
}

fn parse_from<T: Parser>(name: &'static str, arguments: &[OsString]) -> Result<T, clap::Error> {
    let command = T::command().name(name);
    let mut matches = command.try_get_matches_from(arguments)?;
    T::from_arg_matches_mut(&mut matches)
}

/// The error without the values that may hold a password, as the URL of a database does: standard error ends up in logs.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let quoted = [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ];
    for kind in quoted {
        let Some(ContextValue::String(text)) = error.get(kind) else {
            continue;
        };
        if may_hold_secret(text) {
            let hidden = format!("{}…", scheme(text));
            error.insert(kind, ContextValue::String(hidden));
        }
    }
    error
}

fn may_hold_secret(text: &str) -> bool {
    text.contains("://") || text.contains('@') || text.to_ascii_lowercase().contains("password")
}

/// What comes before the first colon, if it is a word.
fn scheme(text: &str) -> &str {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_word = scheme.chars().all(|c| c.is_ascii_alphanumeric());
    if is_word { scheme } else { "" }
}

fn print(help: &clap::Error) -> anyhow::Result<()> {
    let mut out = StandardOutput::open()?;
    write!(out, "{}", help.render())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[arg(long, value_parser = |_: &str| Err::<String, _>("it is no target"))]
        to: Option<String>,
    }

    #[test]
    fn a_value_that_may_hold_a_password_is_not_quoted() {
        for (arguments, shown) in [
            (vec!["--to", "postgres://u:S3cret@h/db?x=y"], "postgres…"),
            (vec!["--to=POSTGRES://u:S3cret@h/db"], "POSTGRES…"),
            (vec!["--to", "postgres:host=h password=S3cret"], "postgres…"),
            (vec!["--to", "u:S3cret@h"], "u…"),
            (vec!["postgres://u:S3cret@h/db"], "postgres…"),
            (vec!["--to", "sqlit:docs"], "sqlit:docs"),
        ] {
            let error = Cli::try_parse_from([&["command"], arguments.as_slice()].concat());
            let words = error.map(drop).map_err(without_secrets);
            let words = words.map_err(|error| error.render().to_string());
            let words = words.err().unwrap_or_default();
            assert!(!words.contains("S3cret"), "{words}");
            assert!(words.contains(shown), "{words}");
        }
    }
}
