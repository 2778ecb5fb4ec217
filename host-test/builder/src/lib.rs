//! Builds a package of this workspace as a WebAssembly component, with the same bytes in any folder.
//!
//! Build scripts embed what it builds, tests and the bench load it: the connector, and guests that only tests need.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

const TARGET: &str = "wasm32-unknown-unknown";
/// A profile of the workspace: small, and optimised over all crates.
const PROFILE: &str = "component";
/// The linker's adapter for WASI 0.1, which nothing here uses, brings a WASI 0.2 of its own: it does not fit `wit/deps`.
/// The names of functions, which rustc's `strip` leaves in, take 150 KB, and addresses with room for a linker 28 KB.
/// Nothing is inlined for size alone, not even what is shorter than its call: a threshold of 35 is as small, and code
/// is a third faster.
const LINKER_FLAGS: &str = "-Clink-arg=--wasi-adapter=none\u{1f}-Clink-arg=--strip-all\u{1f}-Clink-arg=--compress-relocations\u{1f}-Cllvm-args=-inline-threshold=35";

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
    let linked = artifact.join(package.replace('-', "_"));
    let component = linked.with_extension("stripped.wasm");
    let bytes = fs::read(linked.with_extension("wasm"))?;
    // Whole at any time: several tests may build the same guest.
    let written = linked.with_extension(process::id().to_string());
    fs::write(&written, without_names(&bytes))?;
    fs::rename(&written, &component)?;
    Ok(component)
}

/// A component without its section of names for debuggers, which takes 6 KB. What is no component stays as it is.
fn without_names(component: &[u8]) -> Vec<u8> {
    const HEADER: usize = 8;
    const NAMES: &[u8] = b"\x0ecomponent-name";
    let (header, mut rest) = component.split_at(HEADER.min(component.len()));
    let mut stripped = header.to_vec();
    while let Some(length) = section_length(rest) {
        let Some((section, others)) = rest.split_at_checked(length) else {
            break;
        };
        let is_custom = section.starts_with(&[0]);
        let start = section.get(..HEADER + NAMES.len()).unwrap_or(section);
        let has_names = start.windows(NAMES.len()).any(|bytes| bytes == NAMES);
        if !(is_custom && has_names) {
            stripped.extend_from_slice(section);
        }
        rest = others;
    }
    stripped.extend_from_slice(rest);
    stripped
}

/// The bytes of the section at the start: its kind, its length as LEB128, and so many bytes.
fn section_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().skip(1).take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return length.checked_add(index + 2);
        }
    }
    None
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

#[cfg(test)]
mod tests {
    use super::without_names;

    #[test]
    fn only_the_section_of_names_goes() {
        let section = |kind: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
            [&[kind, length], content].concat()
        };
        let header = b"\0asm\x0d\0\x01\0".to_vec();
        let kept = [
            section(1, b"\x0ecomponent-name"),
            section(0, b"\x09producers"),
        ]
        .concat();
        let names = section(0, b"\x0ecomponent-name\x01\x02\x03");
        let component = [header.clone(), kept.clone(), names].concat();
        assert_eq!(without_names(&component), [header, kept].concat());
        assert_eq!(without_names(b"none"), b"none");
    }
}
