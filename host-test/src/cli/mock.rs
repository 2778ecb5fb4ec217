//! `host-test mock`: the mock Confluence alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use super::print;
use mock_confluence::{
    AccessPolicy, BaseUrl, Corpus, CorpusSpec, FAULTS, Fault, Mock, MockOptions, TokenKind,
};

#[derive(Debug, Args)]
#[command(
    about = "Run the mock alone until interrupted; prints one line of JSON, a config ready for --config"
)]
#[command(after_help = faults())]
pub(super) struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// A corpus of one's own, in place of a generated one.
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    /// Pages of the generated site, of every status.
    #[arg(long, value_name = "N", default_value_t = 400)]
    pages: usize,
    /// Spaces of the generated site, among them an archived and a personal one.
    #[arg(long, value_name = "N", default_value_t = 12)]
    spaces: usize,
    /// Users of the generated site.
    #[arg(long, value_name = "N", default_value_t = 300)]
    users: usize,
    /// Seed of the generated site: the same number gives the same site.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0, value_name = "N")]
    latency_ms: u64,
    /// What goes wrong, as NAME[:key=value,…]; may be given more than once. See below.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Make the token a scoped one, which works through the gateway alone.
    #[arg(long)]
    scoped: bool,
    /// Print the config for the site's own address in place of the gateway's.
    #[arg(long)]
    site: bool,
}

/// Requests that the mock keeps for `GET /_mock/requests`.
const KEPT_REQUESTS: usize = 100_000;

fn faults() -> String {
    let faults = FAULTS
        .iter()
        .map(|(name, what)| format!("  {name:<20} {what}"));
    let faults: Vec<_> = faults.collect();
    format!(
        "GET /_mock/requests answers with the requests so far: counts, counts by endpoint, and a list.\n\n\
         Each fault takes: count=N (hit N requests), after=N (let N requests pass first),\n\
         every=N (hit every Nth request), endpoint=NAME (spaces, pages, versions, labels, users,\n\
         views, states), page=ID and space=ID or KEY (requests about one page only). A comma ends a\n\
         value; inside value= it is written %2C. A fault that replaces the whole response keeps\n\
         those behind it from being counted.\n\nFaults:\n{}",
        faults.join("\n")
    )
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let corpus = match &arguments.corpus {
        Some(file) => Corpus::load(file)?,
        None => Corpus::generate(&CorpusSpec {
            pages: arguments.pages,
            spaces: arguments.spaces,
            users: arguments.users,
            seed: arguments.seed,
        }),
    };
    let mut access = AccessPolicy::default();
    if arguments.scoped {
        access.kind = TokenKind::current_scopes();
    }
    let mock = Mock::start(MockOptions {
        access,
        faults: arguments.fault,
        latency: Duration::from_millis(arguments.latency_ms),
        addr: arguments.addr,
        log_capacity: KEPT_REQUESTS,
        ..MockOptions::new(corpus)
    })
    .with_context(|| format!("{} can't be listened on", arguments.addr))?;
    print(&if arguments.site {
        mock.config_for(BaseUrl::Site)
    } else {
        mock.config_json()
    })?;
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}
