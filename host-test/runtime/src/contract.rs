//! The contract as Rust: made from `wit/` by wasmtime's `bindgen!`.
//!
//! The world here imports the sink alone. The WASI interfaces that `dx:connector/connector` names are those
//! of wasmtime, see `engine.rs`.

#[expect(
    missing_docs,
    reason = "generated from the contract, which holds the prose"
)]
mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package dx:runtime;
            world connector {
                import dx:connector/sink@0.2.0;
                export dx:connector/source@0.2.0;
            }
        ",
        path: "../../wit",
        world: "dx:runtime/connector",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

pub use bindings::dx::connector::types::{Access, EndpointAccess, FailureKind, Mode, Selection};

pub(crate) use bindings::dx::connector::{sink, types};
pub(crate) use bindings::{Connector, ConnectorPre};
