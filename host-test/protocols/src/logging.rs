//! What the libraries of the host log, on standard error.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Sends logs to standard error: those that `RUST_LOG` asks for, else those of `default`, such as `warn` or
/// `warn,connector_runtime=debug`.
pub fn to_stderr(default: &str) {
    let filter = std::env::var("RUST_LOG").ok();
    let filter = filter.and_then(|filter| filter.parse::<Targets>().ok());
    let filter = filter.or_else(|| default.parse().ok()).unwrap_or_default();
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second subscriber is refused; the first one stays.
    let _ = tracing_subscriber::registry()
        .with(logs)
        .with(filter)
        .try_init();
}
