//! What the command is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use connector_fleet::secrets::References;
use connector_fleet::simulate;
use connector_postgres::Address;
use connector_runtime::address::NetworkPolicy;
use connector_runtime::printable::printable;

const AFTER_HELP: &str = "\
Exit status:
  0  everything was done
  1  a failure, which is logged
  2  a wrong option

Examples:
  export DATABASE_URL=postgres://user@host/fleet FLEET_KEY=...
  confluence-fleet migrate
  confluence-fleet add docs --config config.json --every 1h
  confluence-fleet work";

/// Runs many Confluence connections over many workers, on a queue in PostgreSQL.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
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

impl Arguments {
    /// The database. Ends the process as for any wrong option where there is none: the option is not needed for all
    /// commands, and clap would repeat a value that it refuses, with the password in it.
    pub(crate) fn address(&self) -> Address {
        let wrong = |kind, words: &str| Self::command().error(kind, words).exit();
        let Some(url) = &self.database else {
            wrong(
                ErrorKind::MissingRequiredArgument,
                "name the database with --database URL or DATABASE_URL",
            )
        };
        match Address::parse(url) {
            Ok(address) => address,
            Err(error) => wrong(
                ErrorKind::ValueValidation,
                &printable(&format!("--database: {error:#}")),
            ),
        }
    }
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
    Resume {
        name: String,
        /// How much of a stream's table the end of a snapshot may delete, until a run has succeeded; 100 allows everything.
        /// For a connection that is paused because more than 30 % would have been deleted, and whose rows are really gone.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
        max_delete: Option<u8>,
    },
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
    Simulate {
        #[command(flatten)]
        fleet: simulate::Fleet,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(crate) struct Add {
    /// A name that no other connection has.
    pub(crate) name: String,
    /// The configuration. Its secret is encrypted with FLEET_KEY, or is {"file": …} or {"env": …}, which workers read
    /// where --secrets-dir or --secret-env allow it.
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
    /// Runs at once, 1 to 2000.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub(crate) runs: u32,
    /// Seconds after which a worker that gave no sign is taken for dead, 2 to 3600.
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(2..=3600))]
    pub(crate) lease: u64,
    /// Requests in flight of connections that share a site, over all workers, 1 to 64: give each worker the same number.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) site_requests: u32,
    /// The folder that the secrets have to be in which configurations give as {"file": …}. Without it, any file: read a
    /// configuration before you add it.
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// How the names of the variables have to begin which configurations give as {"env": …}, such as ACME_. Without it,
    /// any name but those of the fleet's own variables.
    #[arg(long, value_name = "PREFIX", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) secret_env: Option<String>,
    /// Where to serve /metrics.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Allows sites on this machine, for tests.
    #[arg(long)]
    pub(crate) allow_loopback: bool,
    /// Allow addresses of a network that is not part of the public internet; may be repeated.
    #[arg(long, value_name = "CIDR", value_parser = check_network)]
    pub(crate) allow_network: Vec<String>,
}

impl Work {
    /// Where configurations may say that their secrets are.
    pub(crate) fn references(&self) -> References {
        References {
            folder: self.secrets_dir.clone(),
            prefix: self.secret_env.clone(),
        }
    }

    /// What the runs may reach beyond the public internet.
    pub(crate) fn network(&self) -> Result<NetworkPolicy> {
        let mut policy = NetworkPolicy::default();
        if self.allow_loopback {
            policy = policy.allow_loopback();
        }
        for network in &self.allow_network {
            policy = policy.allow_network(network.parse()?);
        }
        Ok(policy)
    }
}

fn check_network(text: &str) -> Result<String> {
    let parsed = text.parse();
    let policy = parsed.map(|network| NetworkPolicy::default().allow_network(network));
    policy.context("a network is written as 10.0.0.0/8 or fd00::/8")?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn work_has_bounds_and_says_them() {
        Arguments::command().debug_assert();
        let parsed = |more: &[&str]| {
            let arguments = ["confluence-fleet", "work"].iter().chain(more);
            Arguments::try_parse_from(arguments).map(drop)
        };
        for good in [
            ["--runs", "1"],
            ["--runs", "2000"],
            ["--allow-network", "10.0.0.0/8"],
            ["--allow-network", "fd00::/8"],
        ] {
            parsed(&good).unwrap();
        }
        for bad in [
            ["--runs", "0"],
            ["--runs", "2001"],
            ["--lease", "1"],
            ["--secret-env", ""],
            ["--allow-network", "10.0.0.0/33"],
            ["--allow-network", "host"],
        ] {
            assert!(parsed(&bad).is_err(), "{bad:?}");
        }
        let mut command = Arguments::command();
        let work = command.find_subcommand_mut("work").unwrap();
        let help = work.render_long_help().to_string();
        assert!(
            help.contains("1 to 2000") && help.contains("2 to 3600"),
            "{help}"
        );
    }
}
