//! What a simulation found, for a person and for a program.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Fleet, Load, Outcome, Resource};

/// The lag where a resource is overloaded.
const ENDLESS: &str = "grows without end";

/// A table of numbers of workers, and the walls.
#[must_use]
pub fn table(fleet: &Fleet, found: &[Outcome]) -> String {
    let mut text = format!(
        "{} connections, each every {:?}\n\nworkers         median lag        lag of 99 %  PostgreSQL's cores\n",
        fleet.connections, fleet.every
    );
    for outcome in found {
        let overloaded = fleet.overloaded(outcome.workers);
        let lag = |lag: std::time::Duration| match overloaded {
            Some(_) => ENDLESS.to_owned(),
            None => format!("{:.1} s", lag.as_secs_f64()),
        };
        let _ = writeln!(
            text,
            "{:>7}  {:>17}  {:>17}  {:>18.2}{}",
            outcome.workers,
            lag(outcome.median_lag),
            lag(outcome.high_lag),
            outcome.database_cores,
            overloaded.map(why).unwrap_or_default(),
        );
    }
    let _ = writeln!(text, "\n{}", conclusion(fleet));
    for wall in walls(fleet) {
        let _ = writeln!(text, "{wall}");
    }
    text
}

/// The same as an object. A lag that grows without end is null.
#[must_use]
pub fn json(fleet: &Fleet, found: &[Outcome]) -> Value {
    let rows = found.iter().map(|outcome| {
        let overloaded = fleet.overloaded(outcome.workers);
        let lag = |lag: std::time::Duration| overloaded.is_none().then_some(lag.as_secs_f64());
        json!({
            "workers": outcome.workers,
            "median_lag_s": lag(outcome.median_lag),
            "high_lag_s": lag(outcome.high_lag),
            "lag": overloaded.map(|_| ENDLESS),
            "overloaded": overloaded.map(|load| load.resource.name()),
            "load": overloaded.map(|load| load.part),
            "database_cores": outcome.database_cores,
        })
    });
    json!({
        "connections": fleet.connections,
        "every_s": fleet.every.as_secs(),
        "rows": rows.collect::<Vec<_>>(),
        "workers_needed": fixed(fleet).is_none().then(|| fleet.workers_needed()).flatten(),
        "conclusion": conclusion(fleet),
        "walls": walls(fleet),
    })
}

fn why(load: Load) -> String {
    format!("  {} at {:.0} %", load.resource.name(), load.part * 100.0)
}

/// What is overloaded whatever the number of workers.
fn fixed(fleet: &Fleet) -> Option<Load> {
    let loads = fleet.loads(1).into_iter();
    let mut fixed = loads.filter(|load| !load.resource.is_of_workers());
    fixed.find(|load| load.is_overloaded())
}

fn conclusion(fleet: &Fleet) -> String {
    if let Some(load) = fixed(fleet) {
        let more = match load.resource {
            Resource::Site => "run its connections less often",
            _ => "give it more cores (--database-cores), or run connections less often",
        };
        let (name, part) = (load.resource.name(), load.part * 100.0);
        return format!("No number of workers is enough: {name} is at {part:.0} %; {more}.");
    }
    let (runs, cores) = (fleet.runs, fleet.cores);
    let Some(needed) = fleet.workers_needed() else {
        return format!("More than a million workers of {runs} runs and {cores} cores are needed.");
    };
    format!("{needed} workers of {runs} runs and {cores} cores are needed.")
}

/// Where what does not grow with the workers is full.
fn walls(fleet: &Fleet) -> Vec<String> {
    let every = fleet.every.as_secs_f64();
    let cores = fleet.database_cores;
    let full = every * 1_000.0 * f64::from(cores) / f64::from(fleet.database_ms.max(1));
    let unit = if cores == 1 { "core" } else { "cores" };
    let mut walls = vec![format!(
        "The wall of PostgreSQL with {cores} {unit} is at {full:.0} connections."
    )];
    if let Some(served) = fleet.site_requests_per_second {
        let full = every * f64::from(served) / f64::from(fleet.requests.max(1));
        walls.push(format!(
            "The wall of a site that serves {served} requests a second is at {full:.0} connections of this site."
        ));
    }
    walls
}
