//! `host-test mock`: the mock Confluence alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use connector_destinations::stdout::print;
use mock_confluence::{
    AccessPolicy, BaseUrl, Corpus, CorpusSpec, FAULTS, Fault, Mock, MockOptions, TokenKind,
};

use super::error::{CommandError, CommandResult};

#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// Serve this corpus instead of a generated one.
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    #[command(flatten)]
    generated: GeneratedCorpus,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0, value_name = "N")]
    latency_ms: u64,
    /// Inject a fault, as NAME[:key=value,…]; may be repeated. See below.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Make the token a scoped one, which works through the gateway alone.
    #[arg(long)]
    scoped: bool,
    /// Print a config with an OAuth client, which is exchanged for access tokens, in place of a token.
    #[arg(long, conflicts_with = "site")]
    oauth: bool,
    /// Seconds after which an access token ends.
    #[arg(long, default_value_t = 3600, value_name = "N")]
    access_token_seconds: u64,
    /// Print the config for the site's own address in place of the gateway's.
    #[arg(long)]
    site: bool,
}

/// The size of a generated site.
#[derive(Debug, Args)]
struct GeneratedCorpus {
    /// Pages of the generated site, of every status.
    #[arg(long, default_value_t = CorpusSpec::default().pages)]
    pages: usize,
    /// Spaces of the generated site, among them an archived and a personal one.
    #[arg(long, default_value_t = CorpusSpec::default().spaces)]
    spaces: usize,
    /// Users of the generated site.
    #[arg(long, default_value_t = CorpusSpec::default().users)]
    users: usize,
    /// Seed of the generated site: the same number gives the same site.
    #[arg(long, default_value_t = CorpusSpec::default().seed)]
    seed: u64,
}

impl GeneratedCorpus {
    fn spec(&self) -> CorpusSpec {
        CorpusSpec {
            pages: self.pages,
            spaces: self.spaces,
            users: self.users,
            seed: self.seed,
        }
    }
}

fn after_help() -> String {
    let faults = FAULTS
        .iter()
        .map(|(name, about)| format!("  {name:<18} {about}"));
    let faults: Vec<_> = faults.collect();
    format!(
        "Faults (each takes count=N, after=N, endpoint=NAME, page=ID):\n{}\n\n\
         Example:\n  host-test mock --pages 60 --fault rate-limit:count=3 > config.json",
        faults.join("\n")
    )
}

pub(super) async fn run(arguments: Arguments) -> CommandResult {
    let corpus = match &arguments.corpus {
        Some(file) => Corpus::load(file).map_err(|error| CommandError::Usage(error.into()))?,
        None => Corpus::generate(&arguments.generated.spec()),
    };
    let mut access = AccessPolicy::default();
    if arguments.scoped {
        access.kind = TokenKind::current_scopes();
    }
    let lifetime = Duration::from_secs(arguments.access_token_seconds);
    (access.oauth.expires_in, access.oauth.lifetime) = (lifetime, lifetime);
    let mock = Mock::start(MockOptions {
        access,
        faults: arguments.fault,
        latency: Duration::from_millis(arguments.latency_ms),
        addr: arguments.addr,
        log_capacity: 0,
        ..MockOptions::new(corpus)
    })
    .with_context(|| format!("cannot listen on {}", arguments.addr))?;
    print(&if arguments.oauth {
        mock.oauth_config()
    } else if arguments.site {
        mock.config_for(BaseUrl::Site)
    } else {
        mock.config_json()
    })?;
    let interrupted = tokio::signal::ctrl_c().await;
    interrupted.context("the mock cannot wait for Ctrl-C")?;
    Ok(ExitCode::SUCCESS)
}
