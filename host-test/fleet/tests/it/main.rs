//! What a fleet promises, against a server of its own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

#[cfg(feature = "component")]
mod component;
mod fairness;
mod kill;
mod outage;
mod start;
mod store;
mod support;
#[cfg(feature = "component")]
mod usage;
