//! Builds the component for the host to embed, and a hostile one to measure and test the host against: in a
//! target directory of their own, so that the two builds never wait for each other's lock.

use std::env;
use std::error::Error;
use std::ffi::OsString;
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
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(root))
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
    Ok(folder.join(artifact).with_extension("wasm"))
}

/// The same bytes whatever the folders are called, and no machine's paths in panic messages.
fn remapped_paths(root: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let mut flags = OsString::new();
    for (path, name) in [(home.as_deref(), "cargo"), (Some(root), "connector")] {
        if let Some(path) = path {
            let separator = if flags.is_empty() { "" } else { "\u{1f}" };
            flags.push(format!(
                "{separator}--remap-path-prefix={}={name}",
                path.display()
            ));
        }
    }
    flags
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
