//! Where a component comes from, and how it becomes machine code.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compile_cache::CompileCache;
use crate::compile_child::{self, CompileLimits};
use crate::engine::compile_configuration;
use crate::private_file;

/// Which component to load.
#[derive(Debug, Clone)]
pub enum ComponentSource {
    /// Its bytes, which come with this program.
    Bytes(Cow<'static, [u8]>),
    /// A file, of whatever author. It is compiled in a child process, see [`compile_child`].
    File(PathBuf, CompileLimits),
    /// A file written from [`precompile`] on this very machine with this very program, in a folder that nobody
    /// else can write in.
    Precompiled(PathBuf),
}

impl ComponentSource {
    /// An embedded component.
    #[must_use]
    pub fn embedded(bytes: &'static [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    /// A file, within the usual limits.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into(), CompileLimits::default())
    }

    /// Whether it can be read: a file that is there and a regular one, since reading a pipe waits for its writer.
    ///
    /// # Errors
    ///
    /// It cannot.
    pub fn check_readable(&self) -> Result<()> {
        let Self::File(file, _) = self else {
            return Ok(());
        };
        let unreadable = || format!("the component {} cannot be read", file.display());
        let kind = std::fs::metadata(file).with_context(unreadable)?;
        ensure!(
            kind.is_file(),
            "the component {} is not a regular file",
            file.display()
        );
        std::fs::File::open(file).with_context(unreadable)?;
        Ok(())
    }

    /// Compiles it, unless that was done before.
    pub(crate) fn compile(&self, engine: &Engine) -> Result<Component> {
        match self {
            // Where there is no child to be had, the program's own component is still compiled.
            Self::Bytes(bytes) => cached(engine, bytes, || {
                let code = compile_in_child(engine, bytes, CompileLimits::default());
                code.or_else(|_| Ok(engine.precompile_component(bytes)?))
            }),
            Self::File(file, limits) => {
                let bytes = read(file, *limits)?;
                cached(engine, &bytes, || compile_in_child(engine, &bytes, *limits))
                    .with_context(|| format!("{} can't be loaded", file.display()))
            }
            Self::Precompiled(file) => {
                let folder = file.parent().unwrap_or(Path::new("/"));
                private_file::check_folder(folder)?;
                deserialize(engine, file)
            }
        }
    }
}

fn read(file: &Path, limits: CompileLimits) -> Result<Vec<u8>> {
    let unreadable = || format!("{} can't be read", file.display());
    let open = std::fs::File::open(file).with_context(unreadable)?;
    let mut bytes = Vec::new();
    // Not by its size alone: a device has none, and no end.
    let mut beginning = open.take(limits.size + 1);
    beginning.read_to_end(&mut bytes).with_context(unreadable)?;
    if bytes.len() as u64 > limits.size {
        bail!(
            "{} has too many bytes; {} are allowed",
            file.display(),
            limits.size
        );
    }
    Ok(bytes)
}

fn cached(
    engine: &Engine,
    component: &[u8],
    compile: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Component> {
    let cache = CompileCache::open();
    if let Some(found) = cache
        .as_ref()
        .and_then(|cache| cache.load(engine, component))
    {
        return Ok(found);
    }
    let code = compile()?;
    if let Some(cache) = &cache {
        cache.store(engine, component, &code);
    }
    deserialize_bytes(engine, &code)
}

/// Compiles in a child, with which the compiler's memory goes, some 30 MiB; here, where this program cannot be its child.
fn compile_in_child(engine: &Engine, component: &[u8], limits: CompileLimits) -> Result<Vec<u8>> {
    if compile_child::is_available() {
        compile_child::compile(component, limits)
    } else {
        Ok(engine.precompile_component(component)?)
    }
}

/// Compiles a component for [`ComponentSource::Precompiled`].
///
/// # Errors
///
/// It can't be compiled.
pub fn precompile(component: &[u8]) -> Result<Vec<u8>> {
    Ok(Engine::new(&compile_configuration())?.precompile_component(component)?)
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check that machine code is what it says"
)]
fn deserialize_bytes(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: this process or its child has just compiled it.
    let component = unsafe { Component::deserialize(engine, code) };
    Ok(component?)
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check that a precompiled file is what it says"
)]
pub(crate) fn deserialize(engine: &Engine, file: &Path) -> Result<Component> {
    // SAFETY: nobody but this user can write in its folder, like that of the program itself.
    let component = unsafe { Component::deserialize_file(engine, file) };
    component
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not precompiled for this program", file.display()))
}
