//! `host-test bench`: what the sandbox costs, as a table and as JSON.

mod tables;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use connector_bench::build::Build;
use connector_bench::comparison::{self, Client};
use connector_bench::neighbours::Neighbours;
use connector_bench::{multi_tenant, start_up};
use connector_destinations::stderr;
use connector_destinations::stdout::print;
use connector_protocols::files;
use connector_runtime::component_source::ComponentSource;
use serde_json::json;

use super::context::Context;
use super::error::{CommandError, CommandResult};

pub(super) const EXAMPLE: &str = "\
Examples:
  host-test bench
  host-test bench --tenants 5 --beside hostile.wasm --beside-config hostile.json";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Pairs of runs at each latency, and three times as many at none; the figures are medians.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    /// Milliseconds before each answer, one comparison with the native client for each number.
    #[arg(
        long,
        value_name = "MS",
        value_delimiter = ',',
        default_value = "0,5,50",
        conflicts_with = "beside"
    )]
    latency: Vec<u64>,
    /// How many tenants at once, one measurement for each number.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,10,100,1000",
        value_parser = clap::value_parser!(u32).range(1..))]
    tenants: Vec<u32>,
    #[command(flatten)]
    beside: BesideArguments,
}

#[derive(Debug, Args)]
struct BesideArguments {
    /// Measure the tenants beside this component, which runs again and again; nothing else is measured. Without it the
    /// tenants run beside one that loops and one that floods the sink.
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// The configuration of that component; an empty object without it.
    #[arg(long, value_name = "FILE", requires = "beside")]
    beside_config: Option<PathBuf>,
    /// How many of them.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "beside")]
    beside_count: usize,
}

impl BesideArguments {
    /// The same for `bench-run`.
    fn to_arguments(&self) -> Vec<OsString> {
        let Some(file) = &self.beside else {
            return vec!["--attackers".into()];
        };
        let mut arguments = vec!["--beside".into(), file.into()];
        if let Some(config) = &self.beside_config {
            arguments.extend(["--beside-config".into(), config.into()]);
        }
        let count = self.beside_count.to_string();
        arguments.extend(["--beside-count".into(), count.into()]);
        arguments
    }

    fn neighbours(&self) -> CommandResult<Neighbours> {
        let Some(file) = &self.beside else {
            return Ok(Neighbours::None);
        };
        let config = self.beside_config.as_ref().map(|file| files::read(file));
        Ok(Neighbours::Component {
            file: file.clone(),
            config: config
                .transpose()
                .map_err(CommandError::Usage)?
                .unwrap_or_else(|| "{}".to_owned()),
            count: self.beside_count,
        })
    }
}

/// One run, in a process of its own; not for people.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[arg(long)]
    config: PathBuf,
    #[arg(long, value_enum, default_value = "component")]
    client: Client,
    #[arg(long)]
    tenants: Option<usize>,
    #[arg(long, conflicts_with = "beside")]
    attackers: bool,
    #[command(flatten)]
    beside: BesideArguments,
}

/// Enough pages for a run that can be measured, and few enough for one that ends soon.
fn pages(latency_ms: u64) -> usize {
    match latency_ms {
        0 => 2_000,
        1..20 => 1_000,
        _ => 400,
    }
}

/// Runs of half a second differ by a fifth from one another, so more of them make a median.
fn pairs(latency_ms: u64, pairs: usize) -> usize {
    if latency_ms == 0 { 3 * pairs } else { pairs }
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> CommandResult {
    // What cannot be read is said before the first run.
    arguments.beside.neighbours()?;
    let component = component_arguments(&context.component);
    let build = Build::current();
    if let Some(warning) = build.warning() {
        stderr::warn(&warning);
    }
    let mut figures = json!({ "build": build });
    if arguments.beside.beside.is_none() {
        compare_clients(&arguments, &component, &mut figures).await?;
    }
    tables::multi_tenant_head();
    let beside = [component, arguments.beside.to_arguments()].concat();
    let mut measured = Vec::new();
    for tenants in arguments.tenants {
        let tenants = usize::try_from(tenants).unwrap_or(usize::MAX);
        let figures = multi_tenant::compare(tenants, arguments.pairs.into(), &beside).await?;
        tables::multi_tenant(&figures);
        measured.push(figures);
    }
    figures["tenants"] = json!(measured);
    print(&figures)?;
    Ok(ExitCode::SUCCESS)
}

/// The component against the native client.
async fn compare_clients(
    arguments: &Arguments,
    component: &[OsString],
    figures: &mut serde_json::Value,
) -> CommandResult<()> {
    if !component.is_empty() {
        // There is no native client of another connector.
        return Ok(());
    }
    let start_up = start_up::measure().await?;
    tables::start_up(&start_up);
    tables::comparison_head();
    let mut comparisons = Vec::new();
    for &latency in &arguments.latency {
        let pairs = pairs(latency, arguments.pairs.into());
        let comparison = comparison::compare(latency, pages(latency), pairs).await?;
        tables::comparison(&comparison);
        comparisons.push(comparison);
    }
    figures["start_up"] = json!(start_up);
    figures["comparisons"] = json!(comparisons);
    Ok(())
}

fn component_arguments(component: &ComponentSource) -> Vec<OsString> {
    match component {
        ComponentSource::File(file, _) => vec!["--component".into(), file.into()],
        ComponentSource::Bytes(_) | ComponentSource::Precompiled(_) => Vec::new(),
    }
}

pub(super) async fn run_one(context: &Context, arguments: RunArguments) -> CommandResult {
    let config = files::read(&arguments.config).map_err(CommandError::Usage)?;
    let component = context.component.clone();
    let figures = if let Some(tenants) = arguments.tenants {
        let neighbours = if arguments.attackers {
            Neighbours::Attackers
        } else {
            arguments.beside.neighbours()?
        };
        json!(multi_tenant::measure(tenants, &component, &neighbours, &config).await?)
    } else {
        let run = move || comparison::measure(arguments.client, &component, &config);
        let ended = tokio::task::spawn_blocking(run).await;
        json!(ended.map_err(anyhow::Error::from)??)
    };
    print(&figures)?;
    Ok(ExitCode::SUCCESS)
}
