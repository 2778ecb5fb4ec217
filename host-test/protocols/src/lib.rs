//! The Airbyte and Singer protocols, spoken for any connector of the contract.

pub mod adapter_config;
pub mod airbyte;
pub mod arguments;
pub mod logging;
pub mod shutdown_signal;
pub mod singer;
pub mod wasi_argument;

mod adapter;
mod json_schema;
mod line_writer;
#[cfg(test)]
mod testing;
