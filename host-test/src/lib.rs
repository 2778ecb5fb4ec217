//! A small wasmtime host for the Confluence connector, and a mock Confluence to run it against.

pub mod mock;
