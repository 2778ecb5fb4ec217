//! Machine code that was compiled before, in a folder that nobody else can write in.
//!
//! Loading machine code means trusting it, so it is only ever read from a folder that belongs to this user and
//! that nobody else can write in. A file is named by everything that it was made from; wasmtime checks once more
//! that it was made by the same version with the same settings.

use std::fmt::Write as _;
use std::hash::Hash as _;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::private_file;

/// Compiled components that are kept at most.
const KEPT: usize = 32;

/// The cache of this user.
#[derive(Debug, Clone)]
pub(crate) struct CompileCache {
    folder: PathBuf,
}

impl CompileCache {
    /// Opens or makes it. None where there is no place for one that is private.
    pub(crate) fn open() -> Option<Self> {
        let folder = user_folder()?.join("dx-connector");
        match private_file::create_folder(&folder) {
            Ok(()) => Some(Self { folder }),
            Err(error) => {
                tracing::warn!("nothing is kept of what is compiled: {error}");
                None
            }
        }
    }

    /// What was compiled of this component for this engine.
    pub(crate) fn load(&self, engine: &Engine, component: &[u8]) -> Option<Component> {
        let file = self.file(engine, component);
        // Somebody may have changed the folder since.
        private_file::check_folder(&self.folder).ok()?;
        let metadata = std::fs::symlink_metadata(&file).ok()?;
        if !metadata.is_file() {
            return None;
        }
        crate::component_source::deserialize(engine, &file)
            .inspect_err(|error| tracing::debug!("{error:#}"))
            .ok()
    }

    /// Keeps it for the next time. Failing to costs time, nothing else.
    pub(crate) fn store(&self, engine: &Engine, component: &[u8], code: &[u8]) {
        let file = self.file(engine, component);
        if let Err(error) = private_file::replace(&file, code) {
            tracing::debug!("{} is not kept: {error}", file.display());
        }
        if let Err(error) = self.remove_oldest() {
            tracing::debug!("the cache cannot be tidied: {error}");
        }
    }

    fn remove_oldest(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let surplus = files.len().saturating_sub(KEPT);
        for (_, file) in files.into_iter().take(surplus) {
            std::fs::remove_file(file)?;
        }
        Ok(())
    }

    fn file(&self, engine: &Engine, component: &[u8]) -> PathBuf {
        let mut settings = StableHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut settings);
        settings.0.update(component);
        let mut name = String::with_capacity(70);
        for byte in settings.0.finalize() {
            let _ = write!(name, "{byte:02x}");
        }
        self.folder.join(name + ".cwasm")
    }
}

/// `DefaultHasher` may change with the compiler, and names of files are kept.
struct StableHasher(Sha256);

impl std::hash::Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// Where programs of this user keep what they can make again.
fn user_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("LOCALAPPDATA"))
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
}
