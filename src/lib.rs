//! A Confluence Cloud site as streams of rows, for a sandboxed connector runtime.
//!
//! The crate is built as a WebAssembly component (package `dx:connector`, see `wit/`). Its modules stand here
//! in the order in which data flows; `component`, `executor` and `http::wasi` alone know of WebAssembly, all else
//! is plain Rust that is tested natively with a scripted [`Platform`](http::Platform).

pub mod config;
pub mod endpoint;
pub mod error;
pub mod json;
pub mod note;
pub mod secret;
pub mod timestamp;
pub mod url;
pub mod value;
pub mod wire;

pub mod api;
pub mod fields;
pub mod sink;
pub mod stream;

pub mod client;
pub mod http;
pub mod paging;

pub mod digest;
pub mod plan;
pub mod state;

pub mod details;
pub mod look_ahead;
pub mod put_away;
pub mod site;
pub mod walk;

pub mod accounts;
pub mod delivery;

pub mod sync;
pub mod validate;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod executor;
#[cfg(test)]
mod testing;
