//! What an engine is, and what a component finds in it.

use anyhow::{Result, anyhow};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::random::WasiRandom;

use crate::call_context::CallContext;
use crate::contract::sink;
use crate::http_imports;
use crate::inert_wasi::{self, WasiImports};
use crate::limits::TABLE;

/// Calls at once at most: address space is set aside for so many memories.
const MAX_CALLS: u32 = 2_000;
/// Modules, memories and tables that one component may consist of: `CallResources` has closer limits.
const MAX_INSTANCES: u32 = 64;

/// What an engine is made for: many small instances, quickly made, none able to starve the others.
fn configuration() -> wasmtime::Config {
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
    pool.max_core_instances_per_component(MAX_INSTANCES);
    pool.max_memories_per_component(MAX_INSTANCES);
    pool.max_tables_per_component(MAX_INSTANCES);
    let mut config = compile_configuration();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// An engine for the calls of components.
///
/// # Errors
///
/// The process may not have the address space.
pub(crate) fn new() -> Result<Engine> {
    let engine = Engine::new(&configuration());
    engine.map_err(|error| {
        anyhow!(
            "the sandbox cannot be made; it sets aside terabytes of address space, of which it uses little: lift the limit \
             of this process (ulimit -v unlimited): {error:#}"
        )
    })
}

/// What machine code depends on. An engine of this alone sets no address space aside.
pub(crate) fn compile_configuration() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    config
}

/// The whole of what a component can reach: its sink, `wasi:http`, clocks and randomness. No files, no
/// environment, no arguments, no standard streams, no sockets; unless inert ones are offered.
pub(crate) fn linker(engine: &Engine, imports: WasiImports) -> Result<Linker<CallContext>> {
    use wasmtime_wasi::p2::bindings::{clocks, random};
    let mut linker = Linker::new(engine);
    wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
    clocks::wall_clock::add_to_linker::<CallContext, WasiClocks>(&mut linker, CallContext::clocks)?;
    clocks::monotonic_clock::add_to_linker::<CallContext, WasiClocks>(
        &mut linker,
        CallContext::clocks,
    )?;
    random::random::add_to_linker::<CallContext, WasiRandom>(&mut linker, |context| {
        context.ctx().ctx.random()
    })?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    http_imports::bound(&mut linker)?;
    sink::add_to_linker::<_, HasSelf<_>>(&mut linker, |context| context)?;
    if imports == WasiImports::Inert {
        inert_wasi::add_to_linker(&mut linker)?;
    }
    Ok(linker)
}
