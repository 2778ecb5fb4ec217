//! WASI interfaces that components of other languages import and a connector has no use for.
//!
//! What componentize-py and componentize-js build imports `wasi:cli`, `wasi:filesystem` and `wasi:sockets`. A host can
//! offer them empty: no arguments, no environment, no folders, no standard input; a socket or a look-up of a name is
//! refused before the operating system hears of it, as `WasiCtx` allows neither by default. What is written to standard
//! output and standard error goes to the log, as far as the tenant's lines there reach.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, filesystem, random, sockets};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};

use crate::call_context::CallContext;
use crate::printable::printable_within;
use crate::tenant::Tenant;

/// What a component may import besides the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WasiImports {
    /// What the world `dx:connector/connector` names.
    #[default]
    Contract,
    /// Also `wasi:cli`, `wasi:filesystem` and `wasi:sockets`, with nothing behind them.
    Inert,
}

/// The packages that are offered with nothing behind them.
pub(crate) const INERT: [&str; 3] = ["wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];

/// Bytes of a line of the log.
const LINE: usize = 1 << 10;

pub(crate) fn add_to_linker(linker: &mut Linker<CallContext>) -> wasmtime::Result<()> {
    cli::exit::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, CallContext::cli)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, CallContext::filesystem)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, CallContext::filesystem)?;
    add_sockets(linker)?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, |context| context.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, |context| {
        context.ctx().ctx.random()
    })
}

fn add_sockets(linker: &mut Linker<CallContext>) -> wasmtime::Result<()> {
    let network = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<_, WasiSockets>(linker, &network, CallContext::sockets)?;
    sockets::instance_network::add_to_linker::<_, WasiSockets>(linker, CallContext::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(linker, CallContext::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(linker, CallContext::sockets)?;
    sockets::tcp::add_to_linker::<_, WasiSockets>(linker, CallContext::sockets)?;
    sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(linker, CallContext::sockets)?;
    sockets::udp::add_to_linker::<_, WasiSockets>(linker, CallContext::sockets)
}

/// Standard output and standard error of a guest.
#[derive(Clone)]
pub(crate) struct LogStream(pub(crate) Tenant);

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        if !text.is_empty() && self.0.may_log() {
            tracing::info!("a component says: {}", printable_within(text, LINE));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
