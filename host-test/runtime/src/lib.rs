//! A small multi-tenant runtime for connectors of the contract `dx:connector`.
//!
//! The modules stand in the order in which they build upon each other: what a connector says of itself, where
//! its requests may go, what it may use, what it delivers, and the call that brings all of this together.

pub mod address;
pub mod compile_child;
pub mod component_source;
pub mod connection;
pub mod contract;
pub mod description;
pub mod destination;
pub mod egress;
pub mod failure;
pub mod inert_wasi;
pub mod json_view;
pub mod limits;
pub mod printable;
pub mod private_file;
pub mod request_permits;
pub mod run;
pub mod runtime;
pub mod secrets;
pub mod stream;
pub mod tenant;
pub mod transport;

pub use tokio_util::sync::CancellationToken;

mod call_context;
mod compile_cache;
mod cpu_scheduler;
mod destination_thread;
mod engine;
mod gate;
#[cfg(test)]
mod guest_memory_tests;
mod http_imports;
mod origin;
mod outgoing;
mod percent_encoding;
mod request_pattern;
mod row;
mod url_template;
