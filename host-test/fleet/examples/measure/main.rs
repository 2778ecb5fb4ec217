//! Measures a fleet on one machine: `cargo run --release --package connector-fleet --example measure -- WHAT`.
//!
//! A mock site and a PostgreSQL server that writes through to the disk run beside it, and the workers are processes of the
//! command `confluence-fleet` of the same build (`cargo build --release --package connector-fleet` makes it). WHAT is:
//!
//! - `throughput`: three workers against the same runs in one process without a queue.
//! - `queue`: what the queue, the lease and the record cost a run that does nothing.
//! - `idle`: memory of three workers and processor of PostgreSQL where 10,000 connections are not due yet.
//! - `costs`: what the first and the second run of a connection cost.
//! - `simulation`: the simulation, fed with the costs of some runs, against a real pass of 1,000 connections.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "measurements for a person"
)]

mod costs;
mod fleet;
mod idle;
mod processes;
mod queue;
mod simulation;
mod throughput;

use anyhow::{Result, bail};

#[tokio::main]
async fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("throughput") => throughput::measure().await,
        Some("queue") => queue::measure().await,
        Some("idle") => idle::measure().await,
        Some("costs") => costs::measure().await,
        Some("simulation") => simulation::measure().await,
        _ => bail!("name one of throughput, queue, idle, costs and simulation"),
    }
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
