//! `host-test artifact`: the release, in one folder.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use connector_destinations::stdout::print;
use connector_release::artifact::{self, Release};
use connector_runtime::json_view;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandResult;

/// The folder, in the workspace around the current one.
const FOLDER: &str = "dist";

pub(super) async fn run(context: &Context) -> CommandResult {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    let root = here.ancestors().find(|folder| is_workspace(folder));
    let root = root.context("the component's workspace is not around this folder")?;
    let runtime = context.load().await?;
    let streams: Value = runtime.streams().iter().map(json_view::stream).collect();
    let release = Release {
        component: confluence_component::COMPONENT,
        config_schema: &runtime.description().config_schema,
        streams: &streams,
    };
    let folder = root.join(FOLDER);
    let written = artifact::write(release, root, &folder)?;
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
