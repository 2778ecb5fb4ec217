//! Builds a package of this workspace as a WebAssembly component, with the same bytes in any folder.
//!
//! Build scripts embed what it builds, tests and the bench load it: the connector, and guests that only tests need.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
/// A profile of the workspace: small, and optimised over all crates.
const PROFILE: &str = "component";
/// The linker's adapter for WASI 0.1, which nothing here uses, brings a WASI 0.2 of its own: it does not fit `wit/deps`.
/// The names of functions, which rustc's `strip` leaves in, take 150 KB, and addresses with room for a linker 28 KB.
const LINKER_FLAGS: &str = "-Clink-arg=--wasi-adapter=none\u{1f}-Clink-arg=--strip-all\u{1f}-Clink-arg=--compress-relocations";

/// What a build of any package reads, relative to the root of the workspace.
const SHARED_INPUTS: [&str; 4] = ["wit", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"];

/// The files and folders that the component of the package in `folder` is made from, relative to the root.
#[must_use]
pub fn inputs(folder: &str) -> Vec<PathBuf> {
    let sources = Path::new(folder).join("src");
    SHARED_INPUTS
        .iter()
        .map(PathBuf::from)
        .chain([sources])
        .collect()
}

/// Builds `package` below `target_dir`, which no other build may hold a lock on, and returns the component.
///
/// # Errors
///
/// The wasm target can't be added, or cargo fails; it has said why on standard error.
pub fn build(root: &Path, package: &str, target_dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    add_target(root)?;
    // A cdylib alone: with an rlib beside it cargo would leave out the link-time optimisation.
    let status = cargo(root)
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(root)?)
        .args(["rustc", "--quiet", "--locked", "--profile", PROFILE])
        .args(["--package", package, "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(target_dir)
        .status()?;
    if !status.success() {
        return Err(format!("cargo rustc --target {TARGET} failed, see above").into());
    }
    let artifact = target_dir.join(TARGET).join(PROFILE);
    Ok(artifact
        .join(package.replace('-', "_"))
        .with_extension("wasm"))
}

/// Builds a guest that only tests and the bench need, beside what cargo builds itself.
///
/// # Errors
///
/// Like [`build`].
pub fn build_guest(package: &str) -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    build(&root, package, &root.join("target").join("guests"))
}

/// The same bytes whatever the folders are called, no machine's paths in panic messages, nor the name of the
/// registry that the crates came through.
fn remapped_paths(root: &Path) -> Result<OsString, Box<dyn Error>> {
    let mut flags = OsString::from(LINKER_FLAGS);
    for (path, name) in folders(root)? {
        flags.push("\u{1f}");
        flags.push("--remap-path-prefix=");
        flags.push(path);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

/// Folders and what they are called in the component. Of several that match, rustc takes the last one.
fn folders(root: &Path) -> Result<Vec<(PathBuf, &'static str)>, Box<dyn Error>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let home = home.ok_or("neither CARGO_HOME nor HOME is set")?;
    let sources = home.join("registry").join("src");
    let mut folders = vec![(home, "cargo"), (root.to_owned(), "connector")];
    if sources.exists() {
        for registry in fs::read_dir(sources)? {
            folders.push((registry?.path(), "crates"));
        }
    }
    Ok(folders)
}

/// Cargo as a person would call it, without what this build's own cargo has set.
fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let of_this_build = [
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTFLAGS",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_WRAPPER",
        ];
        if of_this_build.contains(&text.as_ref()) || text.starts_with("CARGO_PROFILE_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Where rustup doesn't install the targets of a toolchain file by itself, this does.
fn add_target(root: &Path) -> Result<(), Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let installed = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists());
    if installed {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(root)
        .status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!("the target {TARGET} is missing; add it with: rustup target add {TARGET}").into())
}
