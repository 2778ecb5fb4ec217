//! What the libraries of the host log, on standard error.

use tracing_subscriber::EnvFilter;

/// Sends logs to standard error: those that `RUST_LOG` asks for, else those of `default`, a filter such as `warn`.
pub fn to_stderr(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second subscriber is refused; the first one stays.
    let _ = logs.try_init();
}
