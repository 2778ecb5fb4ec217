//! The Airbyte and Singer protocols.

pub mod airbyte;
pub mod settings;
pub mod singer;

use tracing_subscriber::EnvFilter;

/// Sends what the host's libraries log to standard error: warnings, or what RUST_LOG asks for.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
