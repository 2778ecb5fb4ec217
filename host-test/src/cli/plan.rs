//! `host-test plan`: one configuration made into several, for runs on several machines, or what a site costs to read.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use connector_destinations::progress::ProgressOutput;
use connector_destinations::stdout::print;
use connector_destinations::{ownership, private_file, stderr};
use connector_protocols::shutdown_signal::{ForcedEnd, Shutdown};
use connector_release::estimate::{Pace, SiteSize, estimate};
use connector_release::shards::{PageCounts, STREAMS, Shard, split};
use connector_runtime::connection::TenantConnection;
use connector_runtime::contract::{Mode, Selection};
use connector_runtime::failure::Failure;
use connector_runtime::json_view;
use connector_runtime::run;
use connector_runtime::runtime::{Runtime, SyncRequest};
use serde_json::{Map, Value, json};

use super::context::{ConfigArguments, Context};
use super::error::{CommandError, CommandResult};

#[derive(Debug, Args)]
#[command(
    after_help = "Each configuration names spaces of its own, and together they name all that the account sees now: a \
space that is made later needs a new plan. Run each with a state and a destination of its own. One line of JSON is \
printed for each: file, spaces, and pages other than those in the trash.\n\n\
Examples:\n  host-test plan --config config.json --estimate\n  \
host-test plan --config config.json --shards 4 --out shards"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// How many configurations to write; no more than there are spaces.
    #[arg(long, value_name = "N", required_unless_present = "estimate")]
    shards: Option<NonZeroUsize>,
    /// Print what a first sync and a day of incremental runs cost, in requests and time.
    #[arg(long, conflicts_with = "shards")]
    estimate: bool,
    /// The folder for the configurations.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> CommandResult {
    let runtime = context.load().await?;
    let config = arguments.config.read()?;
    let connection = context.connect_text(&runtime, &arguments.config, config.clone())?;
    let counted = match connection {
        Ok(connection) => count(context, &runtime, &connection).await,
        Err(failure) => Err(failure),
    };
    let counts = match counted {
        Ok(counts) => counts,
        Err(failure) => return report(&failure),
    };
    let fields: Map<String, Value> =
        serde_json::from_str(&config).context("the configuration is not a JSON object")?;
    if let Some(shards) = arguments.shards {
        return write_shards(&fields, &counts, shards, &arguments.out);
    }
    let size = SiteSize {
        pages: counts.pages(),
        versions_known: counts.versions(),
    };
    print(&json!(estimate(size, pace(&runtime, &fields))))?;
    Ok(ExitCode::SUCCESS)
}

fn report(failure: &Failure) -> CommandResult {
    let mut line = json_view::failure(failure);
    if let Some(line) = line.as_object_mut() {
        line.insert("type".to_owned(), json!("error"));
    }
    print(&line)?;
    stderr::print_line(&format!("error: {}", failure.message));
    Ok(ExitCode::FAILURE)
}

/// The configured pace; what is not configured is the default of the schema.
fn pace(runtime: &Runtime, fields: &Map<String, Value>) -> Pace {
    let schema = &runtime.description().config_schema;
    let number = |field: &str, otherwise: u64| {
        let default = schema.pointer(&format!("/properties/{field}/default"));
        let configured = fields.get(field).or(default).and_then(Value::as_u64);
        configured.unwrap_or(otherwise)
    };
    Pace {
        refresh_days: number("refresh_days", 7),
        refresh_requests: number("refresh_requests", 20_000),
        concurrency: number("max_concurrency", 8),
    }
}

/// One pass over the listings.
async fn count(
    context: &Context,
    runtime: &Runtime,
    connection: &TenantConnection,
) -> Result<PageCounts, Failure> {
    let selection = STREAMS.map(|stream| Selection {
        stream: stream.to_owned(),
        mode: Mode::Full,
    });
    let counts = PageCounts::default();
    let destination = ProgressOutput::new(counts.clone(), context.verbosity);
    let shutdown = Shutdown::listen(ForcedEnd::Failure);
    let request = SyncRequest {
        selection: &selection,
        cancellation: shutdown.token(),
        ..SyncRequest::default()
    };
    shutdown
        .run(run::run(runtime, connection, request, destination))
        .await?;
    Ok(counts)
}

fn write_shards(
    fields: &Map<String, Value>,
    counts: &PageCounts,
    wanted: NonZeroUsize,
    folder: &Path,
) -> CommandResult {
    let shards = split(counts.spaces()?, wanted);
    match shards.len() {
        0 => return Err(anyhow::anyhow!("the account sees no space").into()),
        count if count < wanted.get() => {
            stderr::warn(&format!(
                "there are only {count} spaces to split, so {count} configurations are written"
            ));
        }
        _ => {}
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))
        .map_err(CommandError::Usage)?;
    let file = |number| folder.join(format!("shard-{number}-of-{}.json", shards.len()));
    // They hold what the configuration does, a token perhaps.
    ownership::warn_of_shared_folder(&file(1));
    for (index, shard) in shards.iter().enumerate() {
        write_shard(fields.clone(), shard, &file(index + 1))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A file name says of how many shards: configurations of another plan are not taken for these.
fn write_shard(mut fields: Map<String, Value>, shard: &Shard, file: &Path) -> Result<()> {
    fields.insert("spaces".to_owned(), json!(shard.spaces));
    let content = format!("{:#}\n", Value::Object(fields));
    private_file::replace(file, content.as_bytes())?;
    print(&json!({ "file": file, "spaces": shard.spaces.len(), "pages": shard.pages }))
}
