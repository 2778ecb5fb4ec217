//! Where a component comes from, and how it becomes machine code.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::configuration;

/// Which component to load.
#[derive(Debug, Clone)]
pub enum ComponentSource {
    /// Its bytes.
    Bytes(Cow<'static, [u8]>),
    /// A file.
    File(PathBuf),
    /// A file written from [`precompile`] on this very machine with this very program.
    Precompiled(PathBuf),
}

impl ComponentSource {
    /// An embedded component.
    #[must_use]
    pub fn embedded(bytes: &'static [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    pub(crate) fn compile(&self, engine: &Engine) -> Result<Component> {
        match self {
            Self::Bytes(bytes) => Ok(Component::from_binary(engine, bytes)?),
            Self::File(file) => Component::from_file(engine, file)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("{} can't be loaded", file.display())),
            Self::Precompiled(file) => deserialize(engine, file),
        }
    }
}

/// Compiles a component for [`ComponentSource::Precompiled`].
///
/// # Errors
///
/// It can't be compiled.
pub fn precompile(component: &[u8]) -> Result<Vec<u8>> {
    Ok(Engine::new(&configuration())?.precompile_component(component)?)
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check that a precompiled file is what it says"
)]
fn deserialize(engine: &Engine, file: &Path) -> Result<Component> {
    // SAFETY: the file is named by whoever runs this program, like the program itself.
    let component = unsafe { Component::deserialize_file(engine, file) };
    component
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not precompiled for this program", file.display()))
}
