//! `host-test plan`: one config made into several, for runs on several machines.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{ConfigArguments, print, read_config, json_view};
use connector_runtime::connection::Connection;
use connector_runtime::engine::{Failure, Mode, ComponentSource, Runtime};
use connector_runtime::limits::Limits;
use connector_destinations::progress::Watched;
use connector_runtime::run;
use connector_release::shards::{Census, STREAMS, Shard, split};

#[derive(Debug, Args)]
#[command(
    after_help = "Each config names spaces of its own, and together they name all that the account sees now: a \
space that is made later takes a new plan. Run each with a state and a destination of its own. \
One line of JSON is printed for each: file, spaces, and pages other than those in the trash."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// How many configs to write; no more than there are spaces.
    #[arg(long, value_name = "N")]
    shards: NonZeroUsize,
    /// The folder that they go into.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) async fn run(component: &ComponentSource, arguments: &Arguments) -> Result<ExitCode> {
    let config = read_config(&arguments.config.config)?;
    let connection = arguments.config.connect(&config);
    let census = match count(component, &connection).await? {
        Ok(census) => census,
        Err(failure) => {
            let mut line = json_view::failure(&failure);
            if let Some(line) = line.as_object_mut() {
                line.insert("type".to_owned(), json!("error"));
            }
            print(&line)?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let shards = split(census.spaces()?, arguments.shards);
    match shards.len() {
        0 => bail!("the account sees no space"),
        count if count < arguments.shards.get() => {
            eprintln!(
                "warn: there are only {count} spaces to split, so {count} configs are written"
            );
        }
        _ => {}
    }
    let fields: Map<String, Value> = serde_json::from_str(&config)?;
    write(fields, &shards, &arguments.out)?;
    Ok(ExitCode::SUCCESS)
}

/// One pass over the listings.
async fn count(component: &ComponentSource, connection: &Connection) -> Result<Result<Census, Failure>> {
    let runtime = Runtime::new(component)?;
    let wishes = STREAMS.map(|stream| (stream.to_owned(), Mode::Full));
    let selection = run::select(&runtime.list_streams().await?, &wishes)?;
    let census = Census::default();
    let output = Watched::new(census.clone());
    let ended = run::run(
        &runtime,
        connection,
        Limits::default(),
        &selection,
        None,
        output,
    )
    .await;
    Ok(ended.map(|_| census))
}

/// A name says of how many: a plan for another number of shards doesn't get mixed up with this one.
fn write(mut fields: Map<String, Value>, shards: &[Shard], folder: &Path) -> Result<()> {
    for (index, shard) in shards.iter().enumerate() {
        let name = format!("shard-{}-of-{}.json", index + 1, shards.len());
        let file = folder.join(name);
        fields.insert("spaces".to_owned(), json!(shard.spaces));
        let content = format!("{:#}\n", Value::Object(fields.clone()));
        fs::create_dir_all(folder)
            .and_then(|()| put(&file, content.as_bytes()))
            .with_context(|| format!("{} can't be written", file.display()))?;
        print(&json!({ "file": file, "spaces": shard.spaces.len(), "pages": shard.pages }))?;
    }
    Ok(())
}

/// Writes what may hold a token, for its owner alone; a file that was there could be open to others.
fn put(file: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(content)
}
