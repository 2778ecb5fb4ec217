//! How quickly a call gets going.

use std::time::Instant;

use anyhow::Result;
use connector_runtime::component_source::{ComponentSource, precompile};
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::private_file;
use connector_runtime::runtime::Runtime;
use serde::Serialize;

use crate::comparison::sync;
use crate::statistics::{median, milliseconds};
use crate::{connect, mock};
use confluence_component::COMPONENT;

const LOADS: usize = 9;
const CALLS: usize = 50;

/// How quickly a call gets going, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StartUp {
    /// Compiling the component.
    pub compile_ms: f64,
    /// Loading it precompiled, with an engine and its pool, and registering it.
    pub load_ms: f64,
    /// From a call to its instance.
    pub instantiate_ms: f64,
    /// From a call to its first request.
    pub first_request_ms: f64,
    /// Bytes of the component.
    pub component_bytes: usize,
}

/// Measures how quickly a call of the built-in component gets going.
///
/// # Errors
///
/// The component cannot be compiled, or a call fails.
pub async fn measure() -> Result<StartUp> {
    let started = Instant::now();
    let code = precompile(COMPONENT)?;
    let compile = started.elapsed();
    // Machine code is loaded as it is: nobody else may write into its folder.
    let folder = tempfile::Builder::new().prefix("bench").tempdir()?;
    let file = folder.path().join("component.cwasm");
    private_file::replace(&file, &code)?;
    let source = ComponentSource::Precompiled(file);
    let mut loads = Vec::new();
    let mut runtime = Runtime::load(&source).await?;
    for _ in 0..LOADS {
        let started = Instant::now();
        let loaded = Runtime::load(&source).await?;
        loads.push(milliseconds(started.elapsed()));
        runtime = loaded;
    }
    let (instantiate, first_request) = calls(&runtime).await?;
    Ok(StartUp {
        compile_ms: milliseconds(compile),
        load_ms: median(loads),
        instantiate_ms: median(instantiate),
        first_request_ms: median(first_request),
        component_bytes: COMPONENT.len(),
    })
}

/// Milliseconds to the instance and to the first request, of several calls.
async fn calls(runtime: &Runtime) -> Result<(Vec<f64>, Vec<f64>)> {
    let mock = mock(1, 0)?;
    let connection = connect(runtime, &mock.config_json().to_string())?;
    let selection = [Selection {
        stream: "spaces".to_owned(),
        mode: Mode::Full,
    }];
    let (mut instantiate, mut first_request) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let (usage, _) = sync(runtime, &connection, &selection).await?;
        instantiate.push(milliseconds(usage.instantiated));
        first_request.extend(usage.first_request.map(milliseconds));
    }
    Ok((instantiate, first_request))
}
