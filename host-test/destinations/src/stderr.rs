//! Lines for a person, on standard error.

use std::io::Write as _;

use connector_runtime::printable::printable;

/// Writes a line to standard error, with control characters made visible. That nobody reads it is no failure.
pub fn print_line(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable(line));
}

/// Writes a warning to standard error.
pub fn warn(message: &str) {
    print_line(&format!("warn: {message}"));
}
