//! The source of the component, as cargo and git know it.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// The crate that the component is built from.
pub(super) const CRATE: &str = "confluence-cloud";
/// The files that the component's bytes depend on.
const INPUTS: [&str; 7] = [
    "src",
    "wit",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo",
    "rust-toolchain.toml",
    "host-test/builder",
];

/// What the manifest says of the component's crate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// The crate's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is, for a person.
    pub description: Option<String>,
    /// An SPDX expression.
    pub license: Option<String>,
    /// The authors.
    pub authors: Vec<String>,
    /// The repository of the source.
    pub repository: Option<String>,
    /// The page with more about it.
    pub homepage: Option<String>,
}

/// The component's crate, as `cargo metadata` describes it.
///
/// # Errors
///
/// `root` is not the component's workspace.
pub fn package(root: &Path) -> Result<Package> {
    #[derive(Deserialize)]
    struct Workspace {
        packages: Vec<Package>,
    }
    let metadata = cargo(
        root,
        &["metadata", "--format-version", "1", "--no-deps", "--locked"],
    )?;
    let workspace: Workspace = serde_json::from_str(&metadata)?;
    let mut packages = workspace.packages.into_iter();
    packages
        .find(|package| package.name == CRATE)
        .with_context(|| format!("{} holds no crate {CRATE}", root.display()))
}

/// The commit that is checked out, with `-dirty` behind it where what the component is made from differs from
/// it; none outside a checkout.
#[must_use]
pub fn revision(root: &Path) -> Option<String> {
    let git =
        |arguments: &[&str]| stdout_of(Command::new("git").current_dir(root).args(arguments)).ok();
    // Some other repository may lie around an unpacked archive.
    git(&["ls-files", "--error-unmatch", "Cargo.toml"])?;
    let commit = git(&["rev-parse", "HEAD"])?;
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(INPUTS);
    let dirty = if git(&status)?.is_empty() {
        ""
    } else {
        "-dirty"
    };
    Some(format!("{}{dirty}", commit.trim()))
}

/// The output of cargo; of the one that runs this program, if one does.
pub(super) fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    stdout_of(Command::new(cargo).current_dir(root).args(arguments))
}

fn stdout_of(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{program} cannot be run"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
