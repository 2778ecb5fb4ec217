//! What the libraries of the host log, on standard error.
//!
//! What a library logs at the level `trace` is what goes through it: requests with their queries, arguments of imports,
//! headers. Nobody takes secrets out of that, so it is not shown. The host itself logs nothing at that level.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Sends logs to standard error: those that `RUST_LOG` asks for, such as `warn,connector_runtime=debug`, else those of
/// `default`, which is of the same form.
pub fn to_stderr(default: &str) {
    let wanted = std::env::var("RUST_LOG").ok();
    let wanted = wanted.and_then(|wanted| wanted.parse::<Targets>().ok());
    let filter = wanted.or_else(|| default.parse().ok()).unwrap_or_default();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second subscriber is refused; the first one stays.
    let _ = tracing_subscriber::registry()
        .with(layer)
        .with(filter)
        .with(LevelFilter::DEBUG)
        .try_init();
}
