//! What the command is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use connector_fleet::simulate;

/// Runs many Confluence connections over many workers, on a queue in PostgreSQL.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The database of the fleet and of its rows.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        global = true
    )]
    pub(crate) database: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes the tables of queue and fleet.
    Migrate,
    /// Adds a connection, which is due at once.
    Add(Add),
    /// Pauses a connection; a run that is under way ends.
    Pause { name: String },
    /// Resumes a connection, which is due at once.
    Resume { name: String },
    /// Forgets a connection; its rows stay.
    Remove { name: String },
    /// Shows the connections.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Runs connections that are due until it is stopped.
    Work(Work),
    /// Says how many workers a larger fleet needs.
    Simulate(simulate::Fleet),
}

#[derive(Args)]
pub(crate) struct Add {
    /// A name that no other connection has.
    pub(crate) name: String,
    /// The configuration. Its secret is encrypted with FLEET_KEY, or is {"file": …} or {"env": …}.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Streams to read; all of them where this is left out.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub(crate) streams: Vec<String>,
    /// How to read them.
    #[arg(long, value_enum, default_value = "incremental")]
    pub(crate) mode: ModeName,
    /// How often, such as 30m, 1h or 1d.
    #[arg(long, default_value = "1h", value_parser = simulate::parse_duration)]
    pub(crate) every: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ModeName {
    Full,
    Incremental,
}

#[derive(Args)]
pub(crate) struct Work {
    /// Runs at once.
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub(crate) runs: usize,
    /// Seconds after which a worker that gave no sign is taken for dead.
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(2..=3600))]
    pub(crate) lease: u64,
    /// Requests in flight of connections that share a site, over all workers: give each worker the same number.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) site_requests: u32,
    /// Where to serve /metrics.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Allows sites on this machine, for tests.
    #[arg(long)]
    pub(crate) allow_loopback: bool,
}
