//! The component in a host of one's own, with nothing but wasmtime: lists the streams, or with a config reads
//! the pages. `cargo run -p host-test --example load -- dist/confluence_cloud.wasm [config.json]`
#![allow(clippy::print_stdout, missing_docs)]

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable, bindgen};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};

// The sink alone: wasmtime-wasi and wasmtime-wasi-http bring the WASI interfaces of the world.
bindgen!({
    inline: "package dx:example; world connector { import dx:connector/sink@0.2.0; export dx:connector/source@0.2.0; }",
    path: "../wit", world: "dx:example/connector", imports: { default: async }, exports: { default: async }
});
use dx::connector::{sink, types};

#[derive(Default)]
struct Host {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    rows: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut files = std::env::args().skip(1);
    let component = files.next().unwrap_or_default();
    for line in load(&component, files.next().as_deref()).await? {
        println!("{line}");
    }
    Ok(())
}

pub(crate) async fn load(component: &str, config: Option<&str>) -> Result<Vec<String>> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    Connector::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host)?;
    let mut store = Store::new(&engine, Host::default());
    let connector = Connector::instantiate_async(&mut store, &component, &linker).await?;
    let source = connector.dx_connector_source();
    let Some(config) = config else {
        let streams = source.call_list_streams(&mut store).await?;
        return Ok(streams.into_iter().map(|stream| stream.name).collect());
    };
    let config = std::fs::read_to_string(config)?;
    let stream = "pages".to_owned();
    let mode = types::Mode::Full;
    let pages = [types::Selection { stream, mode }];
    let ended = source.call_sync(&mut store, &config, &pages, None).await?;
    ended.map_err(wasmtime::Error::from)?;
    Ok(store.into_data().rows)
}

impl sink::Host for Host {
    async fn begin_snapshot(&mut self, _streams: Vec<String>) -> Result<(), sink::SinkError> {
        Ok(())
    }
    async fn emit(&mut self, batch: types::Batch) -> Result<(), sink::SinkError> {
        self.rows.extend(batch.rows);
        Ok(())
    }
    async fn checkpoint(&mut self, _state: String) -> Result<(), sink::SinkError> {
        Ok(())
    }
    async fn end_snapshot(&mut self, _: String, _: Vec<String>) -> Result<(), sink::SinkError> {
        Ok(())
    }
    async fn note(&mut self, _note: String) {}
}

impl types::Host for Host {}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (ctx, table) = (&mut self.wasi, &mut self.table);
        WasiCtxView { ctx, table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (ctx, table, hooks) = (&mut self.http, &mut self.table, default_hooks());
        WasiHttpCtxView { ctx, table, hooks }
    }
}
