//! `host-test bench`: what the sandbox costs, as tables and as JSON.

mod tables;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use connector_bench::attacks::{ATTACKS, Attackers};
use connector_bench::build::Build;
use connector_bench::multi_tenant::{self, MultiTenant, Setting};
use connector_bench::neighbours::Neighbours;
use connector_bench::{comparison, destinations, run, start_up};
use connector_destinations::stdout::print;
use connector_destinations::{stderr, text_file};
use connector_postgres::Address;
use connector_runtime::component_source::ComponentSource;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::{CommandError, CommandResult};

pub(super) const EXAMPLE: &str = "\
Examples:
  host-test bench
  host-test bench --tenants 5 --attack all
  host-test bench --tenants 5 --beside other.wasm --beside-config other.json
  host-test bench --database postgresql://postgres@localhost/postgres";

/// How many tenants are measured beside one component.
const TENANTS_BESIDE: [usize; 1] = [5];
/// How many are measured otherwise.
const TENANTS: [usize; 4] = [1, 10, 100, 1000];
/// In place of one attack: each of them.
const ALL: &str = "all";
/// Beside whom tenants are measured unless somebody says: one never calls the host, one never stops.
const USUAL_ATTACKS: [&str; 2] = ["loop", "flood 250"];

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
        default_value = "0,5,50"
    )]
    latency: Vec<u64>,
    /// How many tenants at once, one measurement for each number; 1,10,100,1000 unless given, 5 beside a component.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    tenants: Vec<NonZeroUsize>,
    /// Measure the tenants beside this component, which runs again and again; nothing else is measured. Without it the
    /// tenants run beside one that loops and one that floods the sink.
    #[arg(long, value_name = "FILE", conflicts_with = "latency")]
    beside: Option<PathBuf>,
    /// The configuration of that component; an empty object without it.
    #[arg(long, value_name = "FILE", requires = "beside")]
    beside_config: Option<PathBuf>,
    /// How many of them, each a tenant of its own.
    #[arg(long, value_name = "N", default_value_t = 2)]
    beside_count: usize,
    /// Measure the tenants beside the hostile guest of this workspace, which attacks in this way ("flood 250"), or in
    /// each way ("all"); may be repeated. It is built first.
    #[arg(long, value_name = "WORDS", conflicts_with_all = ["latency", "beside"])]
    attack: Vec<String>,
    /// Measure whole runs into a new schema of this database beside such runs into SQLite; nothing else is measured.
    #[arg(long, value_name = "URL", value_parser = |url: &str| Address::parse(url).map(Box::new), conflicts_with_all = ["latency", "tenants", "beside", "attack"])]
    database: Option<Box<Address>>,
    /// Read the site of this file in them instead of a generated one.
    #[arg(long, value_name = "FILE", requires = "database")]
    corpus: Option<PathBuf>,
}

impl Arguments {
    fn tenants(&self, otherwise: &[usize]) -> Vec<usize> {
        if self.tenants.is_empty() {
            otherwise.to_vec()
        } else {
            self.tenants.iter().map(|tenants| tenants.get()).collect()
        }
    }

    /// The component of a file, if tenants are to run beside one.
    fn neighbours(&self) -> CommandResult<Option<Neighbours>> {
        let Some(file) = &self.beside else {
            return Ok(None);
        };
        let config = self
            .beside_config
            .as_deref()
            .map(text_file::read)
            .transpose();
        let config = config.map_err(CommandError::Usage)?;
        let config = config.unwrap_or_else(|| "{}".to_owned());
        Ok(Some(Neighbours {
            component: file.clone(),
            configs: vec![config; self.beside_count],
            streams: Vec::new(),
        }))
    }

    /// The attacks, each spelled out.
    fn attacks(&self) -> Vec<&str> {
        let spelled_out = self.attack.iter().map(|words| match words.as_str() {
            ALL => ATTACKS.to_vec(),
            words => vec![words],
        });
        spelled_out.flatten().collect()
    }
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> CommandResult {
    // What cannot be read is said before the first run.
    let neighbours = arguments.neighbours()?;
    let bench = Bench {
        component: component_file(&context.component),
        pairs: arguments.pairs.into(),
    };
    let build = Build::current();
    if let Some(warning) = build.warning() {
        stderr::warn(&warning);
    }
    let mut figures = Map::new();
    figures.insert("build".to_owned(), json!(build));
    if let Some(database) = &arguments.database {
        let figure = bench.destinations(database, &arguments).await?;
        figures.insert("destinations".to_owned(), figure);
    } else if let Some(neighbours) = neighbours {
        let tenants = arguments.tenants(&TENANTS_BESIDE);
        let figure = bench.tenants(tenants, &neighbours).await?;
        figures.insert("tenants".to_owned(), figure);
    } else if !arguments.attack.is_empty() {
        figures.insert("attacks".to_owned(), bench.attacks(&arguments).await?);
    } else {
        if bench.component.is_none() {
            // There is no native client of another connector.
            figures.insert("start_up".to_owned(), bench.start_up().await?);
            let figure = bench.clients(&arguments.latency).await?;
            figures.insert("comparisons".to_owned(), figure);
        }
        let attackers = Attackers::prepare().await?.neighbours(&USUAL_ATTACKS);
        let tenants = arguments.tenants(&TENANTS);
        let figure = bench.tenants(tenants, &attackers).await?;
        figures.insert("tenants".to_owned(), figure);
    }
    print(&Value::Object(figures))?;
    Ok(ExitCode::SUCCESS)
}

fn component_file(component: &ComponentSource) -> Option<&Path> {
    match component {
        ComponentSource::File(file, _) => Some(file),
        ComponentSource::Bytes(_) | ComponentSource::Precompiled(_) => None,
    }
}

/// What is measured, and how often.
struct Bench<'a> {
    component: Option<&'a Path>,
    pairs: usize,
}

impl Bench<'_> {
    async fn start_up(&self) -> CommandResult<Value> {
        let figures = start_up::measure().await?;
        tables::start_up(&figures);
        Ok(json!(figures))
    }

    /// The component against the native client.
    async fn clients(&self, latencies: &[u64]) -> CommandResult<Value> {
        tables::comparison_head();
        let mut measured = Vec::new();
        for &latency in latencies {
            let (pages, pairs) = effort(latency, self.pairs);
            let figures = comparison::compare(latency, pages, pairs).await?;
            tables::comparison(&figures);
            measured.push(figures);
        }
        Ok(json!(measured))
    }

    /// PostgreSQL beside SQLite.
    async fn destinations(
        &self,
        database: &Address,
        arguments: &Arguments,
    ) -> CommandResult<Value> {
        let corpus = arguments.corpus.as_deref();
        let figures = destinations::compare(database, corpus, self.pairs).await?;
        tables::destinations(&figures);
        Ok(json!(figures))
    }

    /// Tenants by themselves, and beside these neighbours.
    async fn tenants(&self, tenants: Vec<usize>, neighbours: &Neighbours) -> CommandResult<Value> {
        tables::multi_tenant_head();
        let mut measured = Vec::new();
        for tenants in tenants {
            let figures = self.compare(tenants, neighbours).await?;
            tables::multi_tenant(&figures);
            measured.push(figures);
        }
        Ok(json!(measured))
    }

    /// Tenants beside several of each kind of attacker.
    async fn attacks(&self, arguments: &Arguments) -> CommandResult<Value> {
        let attackers = Attackers::prepare().await?;
        tables::attack_head();
        let mut measured = Vec::new();
        for tenants in arguments.tenants(&TENANTS_BESIDE) {
            for attack in arguments.attacks() {
                let neighbours = attackers.neighbours(&vec![attack; arguments.beside_count]);
                let figures = self.compare(tenants, &neighbours).await?;
                tables::attack(attack, &figures);
                measured.push(json!({ "attack": attack, "figures": figures }));
            }
        }
        Ok(json!(measured))
    }

    async fn compare(&self, tenants: usize, neighbours: &Neighbours) -> CommandResult<MultiTenant> {
        let setting = Setting {
            component: self.component,
            tenants,
            neighbours,
        };
        Ok(multi_tenant::compare(setting, self.pairs).await?)
    }
}

/// Pages and pairs of runs: enough for a run that can be measured, and few enough for one that ends soon. Runs of half
/// a second differ by a fifth from one another, so more of them make a median.
fn effort(latency_ms: u64, pairs: usize) -> (usize, usize) {
    match latency_ms {
        0 => (2_000, 3 * pairs),
        1..20 => (1_000, pairs),
        _ => (400, pairs),
    }
}

/// One run, in a process of its own; not for people.
pub(super) async fn run_one() -> CommandResult {
    let request = text_file::read(Path::new("-")).map_err(CommandError::Usage)?;
    print(&run::execute(&request).await?)?;
    Ok(ExitCode::SUCCESS)
}
