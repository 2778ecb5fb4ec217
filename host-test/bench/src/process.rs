//! One run in a process of its own.

use std::ffi::OsString;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Calls this program with these arguments and the config on its standard input, and reads the JSON that it prints.
pub(crate) async fn run<T: for<'de> Deserialize<'de>>(
    arguments: &[OsString],
    config: &str,
) -> Result<T> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("bench-run")
        .args(arguments)
        .args(["--config", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(config.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    ensure!(
        output.status.success(),
        "a run of the bench failed, see above ({})",
        output.status
    );
    serde_json::from_slice(&output.stdout).context("a run of the bench printed no figures")
}
