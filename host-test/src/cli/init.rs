//! `host-test init`: a configuration for a real site, question by question, or from options alone.

mod ask;
mod echo;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use connector_destinations::stderr::print_line;
use connector_destinations::{ownership, private_file, text_file};
use connector_protocols::shutdown_signal::{ForcedEnd, Shutdown};
use connector_runtime::connection::Signing;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::context::{Context, TOKEN_VARIABLE};
use super::error::{CommandError, CommandResult};
use super::{cloud_id, interruptible, validate};
use echo::RestoredEcho;

pub(super) const EXAMPLE: &str = "\
Without options it asks for each answer. The token is read without echo.

Examples:
  host-test init
  host-test init --site example.atlassian.net --email docs-reader@serviceaccount.atlassian.com \\
      --token-file token.txt --out config.json";

/// Where a token is made.
const TOKENS: &str = "\
An API token is made at https://id.atlassian.com/manage-profile/security/api-tokens: choose \"Create API token with \
scopes\", Confluence, and the scopes that `host-test streams` lists. A service account's token is made by an \
administrator, at https://admin.atlassian.com, Directory, Service accounts.";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The site, such as example.atlassian.net.
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// The cloud id of the site; found out where this is left out.
    #[arg(long, value_name = "ID")]
    cloud_id: Option<String>,
    /// The e-mail address of the account that the token belongs to.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Read the token from this file, which holds nothing else; - for standard input.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The configuration to write, readable by you alone.
    #[arg(long, value_name = "FILE", default_value = "config.json")]
    out: PathBuf,
    /// Replace a configuration that exists.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> CommandResult {
    if arguments.out.exists() && !arguments.force {
        let out = arguments.out.display();
        return Err(CommandError::usage(format!(
            "{out} exists; replace it with --force, or name another file with --out"
        )));
    }
    if let Some(given) = &arguments.cloud_id
        && !cloud_id::is_cloud_id(given.trim())
    {
        return Err(CommandError::usage(format!(
            "--cloud-id {given:?} is not a cloud id, which looks like 11111111-2222-3333-4444-555555555555"
        )));
    }
    let site = answer(arguments.site, &SITE)?;
    let base_url = base_url(context, &site, arguments.cloud_id).await?;
    let typing = RestoredEcho::on_signal();
    let email = answer(arguments.email, &EMAIL)?;
    let token = token(arguments.token_file.as_deref()).await?;
    if token.trim().is_empty() {
        return Err(CommandError::usage(
            "the token is empty; nothing was written",
        ));
    }
    // From here on a signal is caught, so somebody has to listen at any moment.
    let shutdown = Shutdown::listen(ForcedEnd::Failure);
    drop(typing);
    let config = json!({
        "base_url": base_url,
        "username": email.trim(),
        "api_token": token.trim(),
    });
    write(&arguments.out, &config)?;
    check(context, &arguments.out, &config, &shutdown).await
}

/// A question, and which answers make no sense.
struct Question {
    words: &'static str,
    makes_sense: fn(&str) -> bool,
    otherwise: &'static str,
}

const SITE: Question = Question {
    words: "The site, such as example.atlassian.net",
    makes_sense: |site| !site.is_empty() && !site.contains(char::is_whitespace),
    otherwise: "a site is an address such as example.atlassian.net",
};
const EMAIL: Question = Question {
    words: "The e-mail address of the account",
    makes_sense: |email| email.contains('@') && email.is_ascii(),
    otherwise: "that is no e-mail address",
};

/// How often a person is asked the same.
const ATTEMPTS: usize = 3;

/// An answer from an option, else from the person.
fn answer(given: Option<String>, question: &Question) -> Result<String> {
    let given_as_option = given.is_some();
    let attempts = if given_as_option { 1 } else { ATTEMPTS };
    let mut given = given;
    for _ in 0..attempts {
        let answer = match given.take() {
            Some(given) => given,
            None => ask::line(question.words)?,
        };
        if (question.makes_sense)(answer.trim()) {
            return Ok(answer);
        }
        if !given_as_option {
            print_line(question.otherwise);
        }
    }
    bail!("{}: {}", question.words, question.otherwise)
}

/// The token of a file, else of the environment, else as the person types it.
async fn token(file: Option<&Path>) -> CommandResult<String> {
    if let Some(file) = file {
        ownership::warn_if_open_to_others(file);
        // Whoever listens for signals goes on meanwhile: nobody may ever write to a pipe.
        let read = block_in_place(|| text_file::read(file));
        return read.map_err(CommandError::Usage);
    }
    if let Ok(token) = env::var(TOKEN_VARIABLE)
        && !token.trim().is_empty()
    {
        print_line(&format!("The token is that of {TOKEN_VARIABLE}."));
        return Ok(token);
    }
    print_line(TOKENS);
    Ok(ask::secret("The token, which is not shown").await?)
}

/// The base URL at the gateway, which works with every token.
async fn base_url(
    context: &Context,
    site: &str,
    cloud_id: Option<String>,
) -> CommandResult<String> {
    let found = async {
        let found = cloud_id::find(context, site).await.context(
            "the cloud id of the site was not found; an administrator finds it in the address of \
             https://admin.atlassian.com after choosing the site: give it as --cloud-id",
        );
        Ok(found?)
    };
    let cloud_id = match cloud_id {
        Some(given) => given,
        None => interruptible(found).await?,
    };
    print_line(&format!("The cloud id of the site is {}.", cloud_id.trim()));
    Ok(cloud_id::gateway_url(site, cloud_id.trim())?)
}

fn write(out: &Path, config: &Value) -> Result<()> {
    private_file::replace(out, format!("{config:#}\n").as_bytes())?;
    print_line(&format!(
        "{} is written, readable by you alone.",
        out.display()
    ));
    ownership::warn_of_shared_folder(out);
    Ok(())
}

/// Validates what was written, and says what is missing and where it is mended.
async fn check(
    context: &Context,
    out: &Path,
    config: &Value,
    shutdown: &Shutdown,
) -> CommandResult {
    let cancellation = shutdown.token();
    let runtime = tokio::select! {
        loaded = context.load() => loaded?,
        () = cancellation.cancelled() => return Err(anyhow!("interrupted").into()),
    };
    let options = context.connection_options(Signing::Guest);
    let connection = runtime.connect(&config.to_string(), options);
    let found = validate::validate(context, &runtime, connection, shutdown).await;
    let code = validate::report(context, &found)?;
    if code == ExitCode::SUCCESS {
        let out = out.display();
        print_line(&format!(
            "Everything can be read. Now: host-test sync --config {out} --to sqlite:docs.sqlite --mode incremental"
        ));
    } else {
        print_line(TOKENS);
    }
    Ok(code)
}
