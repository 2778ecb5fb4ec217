//! Builds the component for the host to embed, and a hostile one to measure and test the host against: in a
//! target directory of their own, so that the two builds never wait for each other's lock.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the component could not be built: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = package.parent().ok_or("no workspace around this package")?;
    for input in [
        "src",
        "host-test/hostile",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
        ".cargo/config.toml",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    add_target(root)?;
    for (package, variable) in [
        ("confluence-cloud", "COMPONENT"),
        ("hostile-guest", "HOSTILE"),
    ] {
        let component = component(root, package)?;
        println!("cargo::rustc-env={variable}={}", component.display());
    }
    Ok(())
}

fn component(root: &Path, package: &str) -> Result<PathBuf, Box<dyn Error>> {
    let target_dir = PathBuf::from(env::var("OUT_DIR")?).join("component");
    // A cdylib alone: with an rlib beside it cargo would leave out the link-time optimisation.
    let status = cargo(root)
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(root)?)
        .args([
            "rustc",
            "--locked",
            "--release",
            "--package",
            package,
            "--lib",
        ])
        .args(["--crate-type", "cdylib", "--target", TARGET, "--target-dir"])
        .arg(&target_dir)
        .status()?;
    if !status.success() {
        return Err(format!("cargo rustc --target {TARGET} failed, see above").into());
    }
    let artifact = package.replace('-', "_");
    let folder = target_dir.join(TARGET).join("release");
    let linked = folder.join(&artifact).with_extension("wasm");
    let shipped = target_dir.join(artifact).with_extension("wasm");
    let bytes = fs::read(linked)?;
    let bare = without_custom_sections(&bytes).ok_or("the linker wrote no component")?;
    fs::write(&shipped, bare)?;
    Ok(shipped)
}

/// The component without what its linker wrote for people who debug it: 6 KB of names for the types and
/// functions of its border. Rustc's `strip` does not reach them, since wasm-component-ld writes them after it.
///
/// A component is a preamble of eight bytes and then sections, each with an id, a size and a content; custom
/// sections (id 0) mean nothing by the specification. That is little enough to be read here: a crate that
/// reads and writes WebAssembly would be compiled once more, for this build script alone.
fn without_custom_sections(component: &[u8]) -> Option<Vec<u8>> {
    let (preamble, mut rest) = component.split_at_checked(8)?;
    let mut kept = preamble.to_vec();
    while let Some((id, after_id)) = rest.split_first() {
        let (size, content) = leb128(after_id)?;
        let (section, after) = rest.split_at_checked(rest.len() - content.len() + size)?;
        if *id != 0 {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    Some(kept)
}

/// A number in LEB128, and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// The same bytes whatever the folders are called, no machine's paths in panic messages, nor the name of the
/// registry that the crates came through.
fn remapped_paths(root: &Path) -> Result<OsString, Box<dyn Error>> {
    let mut flags = OsString::new();
    for (path, name) in folders(root)? {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
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
