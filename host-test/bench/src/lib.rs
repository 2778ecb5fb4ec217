//! What the sandbox costs: the component against a native client, many tenants at once, and what destinations take.
//!
//! Every run is a process of its own, so that its processor time and its memory are its own; the mock is in the
//! process that compares them. Machines are noisy, so runs are paired and the figures are medians.

pub mod attacks;
pub mod build;
pub mod comparison;
pub mod destinations;
pub mod multi_tenant;
pub mod neighbours;
pub mod run;
pub mod start_up;

mod counting;
mod hostile_server;
mod memory;
mod native;
mod statistics;

use std::time::Duration;

use anyhow::{Context as _, Result};
use connector_runtime::address::NetworkPolicy;
use connector_runtime::connection::{ConnectionOptions, TenantConnection};
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::runtime::Runtime;
use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};

/// A mock of so many pages that answers after so many milliseconds.
fn mock(pages: usize, latency_ms: u64) -> Result<Mock> {
    let corpus = Corpus::generate(&CorpusSpec {
        pages,
        ..CorpusSpec::default()
    });
    let options = MockOptions {
        latency: Duration::from_millis(latency_ms),
        log_capacity: 0,
        ..MockOptions::new(corpus)
    };
    Mock::start(options).context("the mock cannot listen on loopback")
}

/// The mock is on loopback.
fn network() -> NetworkPolicy {
    NetworkPolicy::default().allow_loopback()
}

/// A tenant of its own.
fn connect(runtime: &Runtime, config: &str) -> Result<TenantConnection> {
    let options = ConnectionOptions {
        network: network(),
        ..ConnectionOptions::default()
    };
    let connection = runtime.connect(config, options);
    connection.map_err(|failure| anyhow::Error::msg(failure.message))
}

/// Every stream, in full.
fn select_all(runtime: &Runtime) -> Vec<Selection> {
    let streams = runtime.streams().iter();
    let selected = streams.map(|stream| Selection {
        stream: stream.name.clone(),
        mode: Mode::Full,
    });
    selected.collect()
}
