//! A discrete-event simulation of a fleet that is larger than one machine can show.
//!
//! Each connection is due once in an interval, at a moment of its own. A run takes a slot of a worker for as long as its
//! requests take, and the processors of its worker for as long as it was measured. The costs are those of an incremental
//! run that finds little new, as `examples/measure` measures them; whoever has others names them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;

/// The fleet to simulate, with the costs of a run.
#[derive(Debug, Clone, Args)]
pub struct Fleet {
    /// How many connections there are.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
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
    #[arg(long, default_value_t = 8)]
    pub requests: u32,
    /// Milliseconds that the service takes for one.
    #[arg(long, default_value_t = 150)]
    pub latency_ms: u32,
    /// Milliseconds of a worker's processor for a run.
    #[arg(long, default_value_t = 16)]
    pub cpu_ms: u32,
    /// Milliseconds of PostgreSQL's processor for a run, its rows and its place in the queue.
    #[arg(long, default_value_t = 31)]
    pub database_ms: u32,
}

/// What a number of workers leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Workers.
    pub workers: u32,
    /// How late the median run begins.
    pub median_lag: Duration,
    /// How late the latest but one in a hundred begins.
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
        let wait = u64::from(self.requests) * u64::from(self.latency_ms) * 1_000;
        let cpu = u64::from(self.cpu_ms) * 1_000;
        let slots = workers.saturating_mul(self.runs).max(1);
        let cores = workers.saturating_mul(self.cores).max(1);
        let mut free: BinaryHeap<Reverse<u64>> = (0..slots).map(|_| Reverse(0)).collect();
        let mut idle: BinaryHeap<Reverse<u64>> = (0..cores).map(|_| Reverse(0)).collect();
        let run = |index: u64| {
            // Due times are spread by a low-discrepancy sequence, as independent connections are.
            let due = index * every / u64::from(self.connections);
            let Reverse(slot) = free.pop().unwrap_or_default();
            let begun = due.max(slot);
            let Reverse(core) = idle.pop().unwrap_or_default();
            let computed = begun.max(core) + cpu;
            idle.push(Reverse(computed));
            free.push(Reverse(computed + wait));
            (computed - cpu).saturating_sub(due)
        };
        (0..runs).map(run).collect()
    }

    fn outcome(&self, workers: u32, mut lags: Vec<u64>) -> Outcome {
        lags.sort_unstable();
        let at = |part: usize| {
            Duration::from_micros(lags.get(lags.len() * part / 100).copied().unwrap_or(0))
        };
        let runs_a_second = f64::from(self.connections) / self.every.as_secs_f64();
        Outcome {
            workers,
            median_lag: at(50),
            high_lag: at(99),
            database_cores: runs_a_second * f64::from(self.database_ms) / 1_000.0,
        }
    }

    /// The fewest workers with which one run in a hundred at most begins a hundredth of the interval late.
    #[must_use]
    pub fn workers_needed(&self) -> u32 {
        let enough = |workers: u32| self.simulate(workers).high_lag <= self.every / 100;
        let mut high = 1;
        while !enough(high) && high < 1 << 20 {
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
        high
    }

    /// A table around the number of workers that is needed, and the first wall.
    #[must_use]
    pub fn table(&self) -> String {
        let needed = self.workers_needed();
        let mut text = format!(
            "{} connections, each every {:?}\n\n",
            self.connections, self.every
        );
        text.push_str("workers  median lag  lag of 99 %  PostgreSQL's cores\n");
        for workers in [needed.div_ceil(2), needed, needed * 2] {
            let Outcome {
                median_lag,
                high_lag,
                database_cores,
                ..
            } = self.simulate(workers);
            let (median, high) = (median_lag.as_secs_f64(), high_lag.as_secs_f64());
            let _ = writeln!(
                text,
                "{workers:>7}  {median:>8.1} s  {high:>9.1} s  {database_cores:>18.2}"
            );
        }
        let _ = writeln!(
            text,
            "\n{needed} workers of {} runs and {} cores are needed.",
            self.runs, self.cores
        );
        let wall = self.every.as_secs_f64() * 1_000.0 / f64::from(self.database_ms.max(1));
        let _ = writeln!(
            text,
            "The first wall is one core of PostgreSQL: it is full at {wall:.0} connections."
        );
        text
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn fleet() -> Fleet {
        Fleet {
            connections: 36_000,
            every: Duration::from_hours(1),
            runs: 10,
            cores: 1,
            requests: 10,
            latency_ms: 100,
            cpu_ms: 10,
            database_ms: 5,
        }
    }

    /// Ten runs a second of 1.01 s each fill 10.1 slots, so one worker of ten is not enough, and two are.
    #[test]
    fn it_agrees_with_arithmetic() {
        let fleet = fleet();
        assert!(fleet.simulate(1).high_lag > Duration::from_secs(36));
        assert_eq!(fleet.simulate(2).high_lag, Duration::ZERO);
        assert_eq!(fleet.workers_needed(), 2);
        assert!((fleet.simulate(1).database_cores - 0.05).abs() < 1e-9);
        let busy = Fleet {
            cpu_ms: 250,
            ..fleet
        };
        assert_eq!(
            busy.workers_needed(),
            3,
            "ten runs of 0.25 s a second need 2.5 cores"
        );
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_hours(48)));
        for text in ["", "1", "h", "-1h", "1w", "0h", "99999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
