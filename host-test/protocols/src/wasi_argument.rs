//! The option that lets a component import more of WASI than the contract names.

use clap::Args;
use connector_runtime::inert_wasi::WasiImports;

/// What of WASI a component may import.
#[derive(Debug, Clone, Copy, Args)]
pub struct WasiArgument {
    /// Let the component import wasi:cli, wasi:filesystem and wasi:sockets, as those written in Python or JavaScript
    /// do. It finds nothing behind them.
    #[arg(long, global = true)]
    inert_wasi: bool,
}

impl WasiArgument {
    /// What the runtime is told.
    #[must_use]
    pub fn imports(self) -> WasiImports {
        if self.inert_wasi {
            WasiImports::Inert
        } else {
            WasiImports::Contract
        }
    }
}
