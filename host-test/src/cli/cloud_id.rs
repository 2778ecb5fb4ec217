//! `host-test cloud-id`: asks a site for its cloud id, which scoped tokens need, without credentials.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use wasmtime_wasi_http::RequestOptions;

use connector_destinations::stdout::print;
use connector_runtime::egress::Egress;
use connector_runtime::transport::Transport;

use super::context::Context;
use super::error::CommandResult;

const GATEWAY: &str = "https://api.atlassian.com";

/// The answer is some 60 bytes; a custom domain may answer with a page.
const MAX_ANSWER: usize = 64 * 1024;
/// How long the exchange may take, its body included.
const EXCHANGE: Duration = Duration::from_mins(1);
const IS_SITE: &str = "is it the address of a Confluence Cloud site?";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TenantInfo {
    cloud_id: String,
}

pub(super) async fn run(context: &Context, site: &str) -> CommandResult {
    let cloud_id = find(context, site).await?;
    let base_url = gateway_url(site, &cloud_id)?;
    print(&json!({ "cloud_id": cloud_id, "base_url": base_url }))?;
    Ok(ExitCode::SUCCESS)
}

/// The base URL of a site at the gateway. The mock on loopback is its own gateway.
pub(super) fn gateway_url(site: &str, cloud_id: &str) -> Result<String> {
    let origin = origin(site)?;
    let gateway = if origin.starts_with("http://") {
        &origin
    } else {
        GATEWAY
    };
    Ok(format!("{gateway}/ex/confluence/{cloud_id}"))
}

/// Scheme and authority of a site; whatever a person pastes behind them is left out.
pub(super) fn origin(site: &str) -> Result<String> {
    let site = site.trim();
    let url = if site.contains("://") {
        site.to_owned()
    } else {
        format!("https://{site}")
    };
    let url: Uri = url
        .parse()
        .with_context(|| format!("{site:?} is not the address of a site"))?;
    match (url.scheme_str(), url.authority()) {
        (Some(scheme), Some(authority)) => {
            let (_, place) = authority
                .as_str()
                .rsplit_once('@')
                .unwrap_or(("", authority.as_str()));
            Ok(format!("{scheme}://{place}"))
        }
        _ => bail!("{site:?} is not the address of a site"),
    }
}

/// Whether a text may be one segment of a path, as the UUID of a site is. A UUID has 36 letters.
pub(super) fn is_cloud_id(text: &str) -> bool {
    let mut letters = text.chars();
    (1..=64).contains(&text.len())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

/// Asks the site for its cloud id.
pub(super) async fn find(context: &Context, site: &str) -> Result<String> {
    let answer = timeout(EXCHANGE, ask(context, site)).await;
    let body = answer.unwrap_or_else(|_| {
        bail!(
            "{site} does not answer within {} s: {IS_SITE}",
            EXCHANGE.as_secs()
        )
    })?;
    let info: TenantInfo = serde_json::from_slice(&body)
        .map_err(|_| anyhow!("the answer holds no cloud id: {IS_SITE}"))?;
    ensure!(
        is_cloud_id(&info.cloud_id),
        "the answer holds something else than a cloud id: {IS_SITE}"
    );
    Ok(info.cloud_id)
}

/// What the site answers without credentials.
async fn ask(context: &Context, site: &str) -> Result<Vec<u8>> {
    let uri: Uri = format!("{}/_edge/tenant_info", origin(site)?).parse()?;
    let egress = Egress::for_origin(&uri.to_string(), context.network.clone())
        .context("the site is not a URL")?;
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = Request::get(uri)
        .header("accept", "application/json")
        .body(body)?;
    let transport = Transport::new(egress);
    let sent = transport.send(request, &RequestOptions::default()).await;
    let response = sent.map_err(|error| {
        let fault = transport.fault_message();
        anyhow!(fault.unwrap_or_else(|| format!("{site} cannot be reached: {error}")))
    })?;
    let status = response.status();
    ensure!(
        status.is_success(),
        "the site answers HTTP {status}: {IS_SITE}"
    );
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await;
    let body = body.map_err(|error| anyhow!("the answer broke off: {error}"))?;
    Ok(body.to_bytes().into())
}
