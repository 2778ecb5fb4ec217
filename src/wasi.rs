//! The component: what a WebAssembly host calls and what it offers. The only module that knows of WebAssembly.

mod buffer;
mod clock;
mod component;
mod convert;
mod error_code;
mod executor;
mod response;
mod transport;

mod bindings {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::pedantic,
        clippy::expect_used,
        clippy::panic
    )]
    wit_bindgen::generate!({ path: "wit", world: "connector", generate_all });
}
