//! Builds the connector for this crate to embed.

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&folder).ancestors().nth(2);
    let root = root.ok_or("no workspace around this package")?;
    for input in component_builder::inputs(".") {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    let target_dir = Path::new(&env::var("OUT_DIR")?).join("component");
    let component = component_builder::build(root, "confluence-cloud", &target_dir)?;
    println!("cargo::rustc-env=COMPONENT={}", component.display());
    Ok(())
}
