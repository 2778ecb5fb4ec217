//! `host-test bench`: what the sandbox costs, as a table and as JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{print, read_config};
use connector_bench::crowd::{self, Crowd};
use connector_bench::{self, Client, Comparison, StartUp};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Pairs of runs at each latency, and three times as many at none; the figures are medians.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Milliseconds before each answer, one comparison for each number.
    #[arg(long, value_delimiter = ',', default_value = "0,5,50")]
    latency: Vec<u64>,
    /// How many tenants at once, one run for each number.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000")]
    tenants: Vec<usize>,
}

/// One run, in a process of its own; not for people.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[arg(long)]
    config: PathBuf,
    #[arg(long, value_enum, default_value = "component")]
    client: Client,
    #[arg(long)]
    tenants: Option<usize>,
    /// Beside two that mean harm.
    #[arg(long)]
    hostile: bool,
}

/// Pages enough for a run that takes its time, and few enough for one that doesn't take too long.
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

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let start_up = bench::start_up().await?;
    show_start_up(&start_up);
    eprintln!(
        "\nlatency  client       wall     CPU     requests/s  rows/s  linear memory  peak RSS  ratio  in flight"
    );
    let mut comparisons = Vec::new();
    for latency in arguments.latency {
        let pairs = pairs(latency, arguments.pairs);
        let comparison = bench::compare(latency, pages(latency), pairs).await?;
        show_comparison(&comparison);
        comparisons.push(comparison);
    }
    eprintln!(
        "\ntenants  wall     median   requests/s  rows/s  RSS per tenant  complete  beside two hostile ones"
    );
    let mut crowds = Vec::new();
    for tenants in arguments.tenants {
        let crowd = crowd::compare(tenants, arguments.pairs).await?;
        show_crowd(&crowd);
        crowds.push(crowd);
    }
    print(&json!({ "start_up": start_up, "comparisons": comparisons, "tenants": crowds }))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run_one(arguments: RunArguments) -> Result<ExitCode> {
    let config = read_config(&arguments.config)?;
    let figures = if let Some(tenants) = arguments.tenants {
        json!(crowd::measure(tenants, arguments.hostile, &config).await?)
    } else {
        let run = move || bench::measure(arguments.client, &config);
        json!(tokio::task::spawn_blocking(run).await??)
    };
    print(&figures)?;
    Ok(ExitCode::SUCCESS)
}

fn show_start_up(figures: &StartUp) {
    let StartUp {
        compile_ms,
        load_ms,
        instantiate_ms,
        first_request_ms,
        component_bytes,
    } = figures;
    eprintln!(
        "component {component_bytes} bytes; compiled in {compile_ms:.0} ms, loaded precompiled in {load_ms:.2} ms"
    );
    eprintln!(
        "a call has its instance after {instantiate_ms:.3} ms and sends its first request after {first_request_ms:.3} ms"
    );
}

#[expect(clippy::cast_precision_loss, reason = "figures for a table")]
fn show_comparison(figures: &Comparison) {
    for (name, run) in [
        ("component", &figures.component),
        ("native", &figures.native),
    ] {
        let end = if name == "component" {
            format!("{:>5.2}  {:>9.2}", figures.ratio, figures.in_flight)
        } else {
            String::new()
        };
        eprintln!(
            "{:>4} ms  {name:<9}  {:>6.2} s  {:>6.2} s  {:>8.0}  {:>8.0}  {:>9.2} MiB  {:>4} MiB  {end}",
            figures.latency_ms,
            run.wall_s,
            run.cpu_s,
            run.requests as f64 / run.wall_s,
            run.rows as f64 / run.wall_s,
            run.linear_memory as f64 / f64::from(1 << 20),
            run.peak_rss_kib >> 10,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for a table")]
fn show_crowd(figures: &Crowd) {
    let Crowd {
        plain,
        beside_hostile,
        ratio,
    } = figures;
    eprintln!(
        "{:>7}  {:>5.2} s  {:>5.2} s  {:>9.0}  {:>7.0}  {:>10.0} KiB  {:<8}  {ratio:.2} times as long",
        plain.tenants,
        plain.wall_s,
        plain.median_s,
        plain.requests as f64 / plain.wall_s,
        plain.rows as f64 / plain.wall_s,
        plain.rss_per_tenant_kib,
        if plain.complete && beside_hostile.complete {
            "yes"
        } else {
            "NO"
        },
    );
}
