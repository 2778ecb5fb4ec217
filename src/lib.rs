//! A Confluence Cloud site as streams of rows, for a sandboxed connector runtime.
//!
//! The crate is built as a WebAssembly component (package `dx:connector`, see `wit/`). Its modules stand here
//! in the order in which data flows; only `wasi` knows of WebAssembly, all else is plain Rust
//! that is tested natively with a scripted [`Platform`](client::Platform).

pub mod endpoint;
pub mod error;
pub mod note;
pub mod row;
pub mod secret;
pub mod text;
pub mod timestamp;
pub mod url;
pub mod wire;

pub mod config;

pub mod api;
pub mod stream;

pub mod client;

pub mod listing;

pub mod fetch;

pub mod sink;
pub mod state;

pub mod sync;
pub mod validate;

#[cfg(test)]
mod testing;
#[cfg(target_family = "wasm")]
mod wasi;
