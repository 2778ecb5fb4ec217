//! What an engine is, and what a component finds in it.

use std::path::Path;

use anyhow::{Context as _, Result};
use wasmtime::component::{Component, HasSelf, Linker, Resource};
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig, StoreContextMut};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::random::WasiRandom;

use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{RequestOptions, WasiHttpCtxView, WasiHttpView as _};

use super::bindings::Connector;
use crate::limits::TABLE;
use crate::tenant::Tenant;

/// As wasmtime 48 names it; a component may ask for any version of 0.2.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
/// Calls at once at most: address space is set aside for so many memories.
const MAX_CALLS: u32 = 2_000;

/// What an engine is made for: many small instances, quickly made, none able to starve the others.
pub(super) fn configuration() -> wasmtime::Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(MAX_CALLS);
    pool.total_core_instances(MAX_CALLS * 3);
    pool.total_memories(MAX_CALLS);
    pool.total_tables(MAX_CALLS * 2);
    pool.total_stacks(MAX_CALLS);
    pool.max_memory_size(256 << 20);
    pool.table_elements(TABLE);
    pool.max_component_instance_size(1 << 20);
    pool.max_core_instance_size(1 << 20);
    pool.linear_memory_keep_resident(0);
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// The whole of what a component can reach: its sink, `wasi:http`, clocks and randomness. No files, no
/// environment, no arguments, no standard streams, no sockets.
pub(super) fn linker(engine: &Engine) -> Result<Linker<Tenant>> {
    use wasmtime_wasi::p2::bindings::{clocks, random};
    let mut linker = Linker::new(engine);
    wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
    clocks::wall_clock::add_to_linker::<Tenant, WasiClocks>(&mut linker, Tenant::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Tenant, WasiClocks>(&mut linker, Tenant::clocks)?;
    random::random::add_to_linker::<Tenant, WasiRandom>(&mut linker, |tenant| {
        tenant.ctx().ctx.random()
    })?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    handle_tidily(&mut linker)?;
    Connector::add_to_linker::<_, HasSelf<_>>(&mut linker, |tenant| tenant)?;
    Ok(linker)
}

type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// Puts in the place of wasmtime's handler one that calls it and tidies up: wasmtime 48 looks at the options
/// of a request and keeps them until the store goes. A million requests would fill the table, and the call
/// would trap.
fn handle_tidily(linker: &mut Linker<Tenant>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(HANDLER)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, Tenant>, (request, options): (_, Option<Resource<_>>)| {
            Ok((handle(store.data_mut().http(), request, options)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn handle(
    mut http: WasiHttpCtxView<'_>,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Handled> {
    let own = options.as_ref().map(Resource::rep);
    let handled = http.handle(request, options);
    if let Some(options) = own {
        http.table
            .delete(Resource::<RequestOptions>::new_own(options))?;
    }
    match handled {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => error.downcast().map(Err),
    }
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check that a precompiled file is what it says"
)]
pub(super) fn load(engine: &Engine, file: &Path) -> Result<Component> {
    // SAFETY: the file is named by whoever runs this program, like the program itself.
    let component = unsafe { Component::deserialize_file(engine, file) };
    component
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not precompiled for this program", file.display()))
}
