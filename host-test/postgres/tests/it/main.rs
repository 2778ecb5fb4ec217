//! What the destination promises, against a server of its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod concurrency;
mod ownership;
mod password;
mod rows;
mod shadowing;
mod snapshots;
mod support;
mod tls;
mod triggers;
mod trust;
mod views;
