//! The real component in wasmtime, against the mock: what is promised, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod contract;
mod faults;
mod full;
mod incremental;
mod resume;
mod support;
