//! The functions of `wasi:http` that wasmtime leaves without a bound.
//!
//! A request keeps a task of the host's, and its texts, for as long as the guest likes. These functions refuse before the
//! host keeps either.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, HostOutgoingRequest as _, Method};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{RequestOptions, WasiHttpCtxView, WasiHttpView as _};

use crate::call_context::CallContext;

/// As wasmtime 48 names them; a component may import any version of 0.2.
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
const TYPES: &str = "wasi:http/types@0.2.12";

/// Bytes of a name with its port: DNS allows 253 for the name.
const AUTHORITY: usize = 300;
/// Bytes of a method: the longest that is registered has 17.
const METHOD: usize = 64;
/// Bytes of a path with its query. Servers take 8 KiB, as a rule.
const PATH: usize = 16 << 10;

/// Replaces these functions by bounded ones.
pub(crate) fn bound(linker: &mut Linker<CallContext>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    bound_text(
        linker,
        "[method]outgoing-request.set-authority",
        |authority: &Option<String>| is_within(authority.as_deref(), AUTHORITY),
        |http, request, text| http.set_authority(request, text),
    )?;
    bound_text(
        linker,
        "[method]outgoing-request.set-path-with-query",
        |path: &Option<String>| is_within(path.as_deref(), PATH),
        |http, request, text| http.set_path_with_query(request, text),
    )?;
    bound_text(
        linker,
        "[method]outgoing-request.set-method",
        |method| !matches!(method, Method::Other(name) if name.len() > METHOD),
        |http, request, text| http.set_method(request, text),
    )?;
    bound_handle(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn is_within(text: Option<&str>, bytes: usize) -> bool {
    text.is_none_or(|text| text.len() <= bytes)
}

/// A setter of a request answers whether it took a text.
type Taken = Result<(), ()>;

type Setter<T> =
    fn(&mut WasiHttpCtxView<'_>, Resource<HostOutgoingRequest>, T) -> wasmtime::Result<Taken>;

fn bound_text<T: ComponentType + Lift + Send + Sync + 'static>(
    linker: &mut Linker<CallContext>,
    function: &str,
    is_within: fn(&T) -> bool,
    set: Setter<T>,
) -> wasmtime::Result<()> {
    linker.instance(TYPES)?.func_wrap(
        function,
        move |mut store: StoreContextMut<'_, CallContext>, (request, text)| {
            let taken = if is_within(&text) {
                set(&mut store.data_mut().http(), request, text)?
            } else {
                // As for a text that is no such name or path at all.
                Err(())
            };
            Ok((taken,))
        },
    )
}

type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

/// A request beyond those that may be in flight is refused before it has a task: one that the guest gives up at once still
/// counts until the executor has seen that. A tenant that gives them up again and again is paced.
fn bound_handle(linker: &mut Linker<CallContext>) -> wasmtime::Result<()> {
    linker.instance(HANDLER)?.func_wrap_async(
        "handle",
        |mut store: StoreContextMut<'_, CallContext>,
         (request, options): (_, Option<Resource<_>>)| {
            Box::new(async move {
                let admitted = store.data().outgoing().admit().await;
                let mut http = store.data_mut().http();
                Ok((match admitted {
                    Ok(()) => handle(&mut http, request, options)?,
                    Err(_) => refuse(&mut http, request, options)?,
                },))
            })
        },
    )
}

fn refuse(
    http: &mut WasiHttpCtxView<'_>,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Handled> {
    http.table.delete(request)?;
    if let Some(options) = options {
        http.table.delete(options)?;
    }
    Ok(Err(ErrorCode::ConnectionLimitReached))
}

/// Calls wasmtime's handler and then deletes the request's options: wasmtime 48 reads them and keeps them until the store
/// goes. A million requests would fill the table, and the call would trap.
fn handle(
    http: &mut WasiHttpCtxView<'_>,
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
