//! `host-test init`: a configuration for a real site, question by question, or from options alone.

mod ask;
mod echo;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use connector_destinations::private_file;
use connector_destinations::stderr::print_line;
use connector_protocols::files;
use connector_runtime::connection::Signing;
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, CommandResult};
use super::{cloud_id, validate};

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
    let site = answer(arguments.site, "The site, such as example.atlassian.net")?;
    let base_url = base_url(context, &site, arguments.cloud_id).await?;
    let email = answer(arguments.email, "The e-mail address of the account")?;
    let token = if let Some(file) = &arguments.token_file {
        files::read(file).map_err(CommandError::Usage)?
    } else {
        print_line(TOKENS);
        ask::secret("The token, which is not shown").await?
    };
    let config = json!({
        "base_url": base_url,
        "username": email.trim(),
        "api_token": token.trim(),
    });
    write(&arguments.out, &config)?;
    check(context, &arguments.out, &config).await
}

/// An answer from an option, else from the person.
fn answer(given: Option<String>, question: &str) -> Result<String> {
    let answer = match given {
        Some(given) => given,
        None => ask::line(question)?,
    };
    ensure!(!answer.trim().is_empty(), "{question}: the answer is empty");
    Ok(answer)
}

/// The base URL at the gateway, which works with every token.
async fn base_url(context: &Context, site: &str, cloud_id: Option<String>) -> Result<String> {
    let cloud_id = match cloud_id {
        Some(given) => given,
        None => cloud_id::find(context, site).await.context(
            "the cloud id of the site was not found; an administrator finds it in the address of \
             https://admin.atlassian.com after choosing the site: give it as --cloud-id",
        )?,
    };
    print_line(&format!("The cloud id of the site is {}.", cloud_id.trim()));
    cloud_id::gateway_url(site, cloud_id.trim())
}

fn write(out: &Path, config: &Value) -> Result<()> {
    private_file::replace(out, format!("{config:#}\n").as_bytes())?;
    print_line(&format!(
        "{} is written, readable by you alone.",
        out.display()
    ));
    Ok(())
}

/// Validates what was written, and says what is missing and where it is mended.
async fn check(context: &Context, out: &Path, config: &Value) -> CommandResult {
    let runtime = context.load().await?;
    let options = context.connection_options(Signing::Guest);
    let connection = runtime.connect(&config.to_string(), options);
    let found = validate::validate(context, &runtime, connection).await;
    let code = validate::report(context, &found)?;
    if code == ExitCode::SUCCESS {
        let out = out.display();
        print_line(&format!(
            "Everything can be read. Now: host-test sync --config {out} --to sqlite:docs.sqlite"
        ));
    } else {
        print_line(TOKENS);
    }
    Ok(code)
}
