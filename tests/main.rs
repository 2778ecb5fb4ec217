//! The real component in the runtime, against the mock: one case for each promise, seen from outside.
//!
//! What the component does in all its variations is tested natively, in `src/sync/tests`: a simulation is quick. Here
//! the same promises are kept by what is shipped: the WebAssembly component, its own HTTP transport, and the runtime.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

// The oracle that the component's own tests use names streams in this way.
use confluence_cloud::stream;

mod contract;
mod failures;
mod freshness;
mod isolation;
mod reading;
mod resumption;
mod set_aside;
mod support;
mod transport;
