//! The runtime from outside, with a guest that attacks it and one that is honest.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod delivery;
mod hostile_server;
mod inventory;
mod limits;
mod neighbours;
mod registration;
mod requests;
mod server;
mod support;
mod wasi_imports;
