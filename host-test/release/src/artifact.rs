//! The release: the component with its metadata, and beside it what a runtime, a registry and a security team ask for.
//!
//! The same commit gives the same bytes wherever it is built: nothing here depends on the time, the machine or the
//! folder, and nothing is random.

mod sbom;
mod source;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wasm_metadata::{
    AddMetadata, AddMetadataField, Authors, Description, Homepage, Licenses, Revision, Source,
    Version,
};

pub use self::sbom::sbom;
pub use self::source::{Package, package, revision};

/// The name of the component's file; those of the others begin with its stem.
const COMPONENT: &str = "confluence_cloud.wasm";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The component's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from, if that is known.
    pub revision: Option<String>,
    /// Its size, metadata included.
    pub bytes: usize,
    /// Of the component's file.
    pub sha256: String,
}

/// A component and what it says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// The component.
    pub component: &'a [u8],
    /// JSON Schema of its configuration.
    pub config_schema: &'a Value,
    /// What it answers to `list-streams`.
    pub streams: &'a Value,
}

/// Fills `folder` with the component and what belongs to it, and removes what was there. `root` is the workspace that
/// the component was built from.
///
/// # Errors
///
/// The workspace cannot be read, cargo fails, or the folder cannot be written.
pub fn write(release: Release<'_>, root: &Path, folder: &Path) -> Result<Written> {
    let package = package(root)?;
    let revision = revision(root);
    let component = described(release.component, &package, revision.as_deref())?;
    let digest = Sha256::digest(&component);
    let mut sha256 = String::new();
    for byte in digest {
        let _ = write!(sha256, "{byte:02x}");
    }
    let sbom = sbom(&package, root, &sha256)?;
    empty(folder)?;
    put(&folder.join(COMPONENT), &component)?;
    for (name, text) in [
        (
            "confluence_cloud.wasm.sha256",
            format!("{sha256}  {COMPONENT}\n"),
        ),
        ("confluence_cloud.cdx.json", format!("{sbom:#}\n")),
        (
            "config.schema.json",
            format!("{:#}\n", release.config_schema),
        ),
        ("streams.json", format!("{}\n", release.streams)),
    ] {
        put(&folder.join(name), text.as_bytes())?;
    }
    copy_folder(&root.join("wit"), &folder.join("wit"))?;
    Ok(Written {
        name: package.name,
        version: package.version,
        revision,
        bytes: component.len(),
        sha256,
    })
}

/// The component with what registries show of it, in the custom sections that wkg and wasm-tools read.
fn described(component: &[u8], package: &Package, revision: Option<&str>) -> Result<Vec<u8>> {
    use AddMetadataField::Set;
    let mut metadata = AddMetadata::default();
    metadata.name = Set(package.name.clone());
    metadata.version = Set(Version::new(package.version.clone()));
    if let Some(description) = &package.description {
        metadata.description = Set(Description::new(description.clone()));
    }
    if let Some(license) = &package.license {
        metadata.licenses = Set(Licenses::new(license)?);
    }
    if !package.authors.is_empty() {
        metadata.authors = Set(Authors::new(package.authors.join(", ")));
    }
    if let Some(repository) = &package.repository {
        metadata.source = Set(Source::new(repository)?);
    }
    if let Some(homepage) = &package.homepage {
        metadata.homepage = Set(Homepage::new(homepage)?);
    }
    if let Some(revision) = revision {
        metadata.revision = Set(Revision::new(revision.to_owned()));
    }
    metadata.to_wasm(component)
}

/// A file of an earlier version must not stay beside those of this one.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("{} cannot be emptied", folder.display()))?;
    }
    Ok(())
}

/// Copies a folder and those in it.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let files = fs::read_dir(from).with_context(|| format!("{} is missing", from.display()))?;
    for file in files {
        let file = file?;
        let copy = to.join(file.file_name());
        if file.file_type()?.is_dir() {
            copy_folder(&file.path(), &copy)?;
        } else {
            put(&copy, &fs::read(file.path())?)?;
        }
    }
    Ok(())
}

fn put(file: &Path, content: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, content))
        .with_context(|| format!("{} cannot be written", file.display()))
}
