//! A discrete-event simulation of a fleet that is larger than one machine can show.
//!
//! Each connection is due once in an interval, at a moment of its own. A run takes a slot of a worker for as long as its
//! requests take, and the processors of its worker for as long as it was measured. The costs are those of an incremental
//! run that finds little new, as `examples/measure` measures them; whoever has others names them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use clap::Args;

pub mod report;
mod resources;

pub use resources::{Load, Resource};

/// Milliseconds of one part of a run at most: an hour.
const MAX_MS: i64 = 3_600_000;

/// Workers at most.
const MAX_WORKERS: u32 = 1 << 20;

/// The fleet to simulate, with the costs of a run.
#[derive(Debug, Clone, Args)]
pub struct Fleet {
    /// How many connections there are.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections: u32,
    /// How often each of them runs.
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    pub every: Duration,
    /// Runs at once in one worker.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub runs: u32,
    /// Processors of one worker.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub cores: u32,
    /// Requests of a run, one after the other.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(..=100_000))]
    pub requests: u32,
    /// Milliseconds that the service takes for one.
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(..=MAX_MS))]
    pub latency_ms: u32,
    /// Milliseconds of a worker's processor for a run.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(..=MAX_MS))]
    pub cpu_ms: u32,
    /// Milliseconds of PostgreSQL's processor for a run, its rows and its place in the queue.
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u32).range(..=MAX_MS))]
    pub database_ms: u32,
    /// Processors of PostgreSQL.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub database_cores: u32,
    /// Requests a second that one site serves; without a limit where this is left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub site_requests_per_second: Option<u32>,
    /// Connections that share one site.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "site_requests_per_second", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_site: u32,
}

/// What a number of workers leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Workers.
    pub workers: u32,
    /// How late the median run begins, while nothing is overloaded.
    pub median_lag: Duration,
    /// How late the latest but one in a hundred begins, while nothing is overloaded.
    pub high_lag: Duration,
    /// Processors that PostgreSQL needs.
    pub database_cores: f64,
}

impl Fleet {
    /// Simulates one interval after one that fills the queue, with this many workers.
    #[must_use]
    pub fn simulate(&self, workers: u32) -> Outcome {
        let warm_up = usize::try_from(self.connections).unwrap_or(usize::MAX);
        let lags = self.lags(workers, u64::from(self.connections) * 2);
        self.outcome(workers, lags.into_iter().skip(warm_up).collect())
    }

    /// Simulates the first interval, before which nothing ran.
    #[must_use]
    pub fn simulate_first(&self, workers: u32) -> Outcome {
        let lags = self.lags(workers, self.connections.into());
        self.outcome(workers, lags)
    }

    /// How late each of so many runs begins, in microseconds.
    fn lags(&self, workers: u32, runs: u64) -> Vec<u64> {
        let every = u64::try_from(self.every.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        let wait = u64::from(self.requests).saturating_mul(u64::from(self.latency_ms) * 1_000);
        let cpu = u64::from(self.cpu_ms) * 1_000;
        // More than one for each run make no difference.
        let all_free = |of_worker: u32| -> BinaryHeap<Reverse<u64>> {
            let all = u64::from(workers) * u64::from(of_worker);
            (0..all.clamp(1, runs.max(1))).map(|_| Reverse(0)).collect()
        };
        let (mut free, mut idle) = (all_free(self.runs), all_free(self.cores));
        let run = |index: u64| {
            // Due times are spread by a low-discrepancy sequence, as independent connections are.
            let due = u128::from(index) * u128::from(every) / u128::from(self.connections.max(1));
            let due = u64::try_from(due).unwrap_or(u64::MAX);
            let Reverse(slot) = free.pop().unwrap_or_default();
            let begun = due.max(slot);
            let Reverse(core) = idle.pop().unwrap_or_default();
            let computed = begun.max(core).saturating_add(cpu);
            idle.push(Reverse(computed));
            free.push(Reverse(computed.saturating_add(wait)));
            (computed - cpu).saturating_sub(due)
        };
        (0..runs).map(run).collect()
    }

    fn outcome(&self, workers: u32, mut lags: Vec<u64>) -> Outcome {
        lags.sort_unstable();
        let at = |part: usize| {
            Duration::from_micros(lags.get(lags.len() * part / 100).copied().unwrap_or(0))
        };
        Outcome {
            workers,
            median_lag: at(50),
            high_lag: at(99),
            database_cores: self.database_cores_needed(),
        }
    }

    /// What a report shows: the number of workers that is needed, and half and twice as many.
    #[must_use]
    pub fn found(&self) -> Vec<Outcome> {
        let needed = self.workers_needed().unwrap_or(MAX_WORKERS);
        let workers = [needed.div_ceil(2), needed, needed.saturating_mul(2)];
        workers.map(|workers| self.simulate(workers)).to_vec()
    }

    /// The fewest workers with which no worker is overloaded, and one run in a hundred at most begins a hundredth of the interval late;
    /// none if a million are not enough.
    #[must_use]
    pub fn workers_needed(&self) -> Option<u32> {
        let enough = |workers: u32| {
            let mut of_workers = self.loads(workers).into_iter();
            of_workers.all(|load| !load.resource.is_of_workers() || !load.is_overloaded())
                && self.simulate(workers).high_lag <= self.every / 100
        };
        let mut high = 1;
        while !enough(high) {
            if high >= MAX_WORKERS {
                return None;
            }
            high *= 2;
        }
        let mut low = high / 2;
        while high - low > 1 {
            let middle = low.midpoint(high);
            if enough(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}

/// Parses `30m`, `1h`, `90s` or `1d`.
///
/// # Errors
///
/// It is none of these.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let form = || "a number with s, m, h or d, such as 30m".to_owned();
    let unit = text.chars().last().ok_or_else(form)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(form()),
    };
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| form())?;
    let seconds = number
        .checked_mul(seconds)
        .filter(|seconds| (1..=31_536_000).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "between a second and a year".to_owned())
}

#[cfg(test)]
mod tests;
