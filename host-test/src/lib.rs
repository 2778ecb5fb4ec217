//! A small wasmtime host for connectors of the contract `dx:connector`, and a mock Confluence to run the
//! Confluence connector against.
//!
//! It is small, but exemplary in what it does about isolation: one store a call, limits on all that a guest
//! can use, an egress policy, a client that no two tenants share.

pub mod airbyte;
pub mod artifact;
pub mod bench;
pub mod cli;
pub mod connection;
pub mod egress;
pub mod engine;
pub mod limits;
pub mod mock;
pub mod output;
pub mod progress;
pub mod report;
pub mod run;
pub mod settings;
pub mod shards;
pub mod singer;
pub mod state_file;
pub mod transport;

mod native;
mod outgoing;
mod share;
mod tenant;
