//! A small multi-tenant runtime for connectors of the contract `dx:connector`.

pub mod connection;
pub mod egress;
pub mod engine;
pub mod json_view;
pub mod limits;
pub mod output;
pub mod run;
pub mod transport;

mod outgoing;
mod share;
mod tenant;
