//! `host-test artifact`: what is handed out, in one folder.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{print, stream_list};
use connector_release::artifact;
use connector_runtime::engine::{ComponentSource};

/// The folder, in the workspace around the current one.
const FOLDER: &str = "dist";

pub(super) async fn run(component: &ComponentSource) -> Result<ExitCode> {
    let here = std::env::current_dir()?;
    let root = here.ancestors().find(|folder| is_workspace(folder));
    let root = root.context("the component's workspace is not around this folder")?;
    let bytes = match component {
        ComponentSource::Bytes(bytes) => bytes.to_vec(),
        ComponentSource::File(file) | ComponentSource::Precompiled(file) => std::fs::read(file)
            .with_context(|| format!("the component {} can't be read", file.display()))?,
    };
    let streams = stream_list(component).await?;
    let folder = root.join(FOLDER);
    let written = artifact::write(&bytes, &streams, root, &folder)?;
    let mut line = json!(written);
    if let Some(line) = line.as_object_mut() {
        line.insert("folder".to_owned(), json!(folder));
    }
    print(&line)?;
    Ok(ExitCode::SUCCESS)
}

fn is_workspace(folder: &Path) -> bool {
    folder.join("Cargo.lock").exists() && folder.join("wit").is_dir()
}
