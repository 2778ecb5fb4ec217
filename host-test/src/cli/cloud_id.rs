//! `host-test cloud-id`: asks a site for its cloud id, which scoped tokens need, without any credentials.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use serde::Deserialize;
use serde_json::json;
use wasmtime_wasi_http::RequestOptions;

use super::print;
use connector_runtime::egress::Egress;
use connector_runtime::transport::Transport;

/// The answer is some 60 bytes; a custom domain may answer with a page.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TenantInfo {
    cloud_id: String,
}

pub(super) async fn run(site: &str) -> Result<ExitCode> {
    let cloud_id = match ask(site).await {
        Ok(cloud_id) => cloud_id,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let base_url = format!("https://api.atlassian.com/ex/confluence/{cloud_id}");
    print(&json!({ "cloud_id": cloud_id, "base_url": base_url }))?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(site: &str) -> Result<String> {
    let origin = if site.contains("://") {
        site.to_owned()
    } else {
        format!("https://{site}")
    };
    let origin: Uri = origin.parse().context("the site is not a URL")?;
    let (Some(scheme), Some(authority)) = (origin.scheme(), origin.authority()) else {
        bail!("the site is not a URL");
    };
    let uri: Uri = format!("{scheme}://{authority}/_edge/tenant_info").parse()?;
    let egress = Egress::for_base_url(&uri.to_string()).context("the site is not a URL")?;
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = Request::get(uri)
        .header("accept", "application/json")
        .body(body)?;
    let response = Transport::new(egress, None)
        .send(request, &RequestOptions::default())
        .await
        .context("the site can't be reached")?;
    let status = response.status();
    if !status.is_success() {
        bail!("the site answers HTTP {status}: is it the address of a Confluence Cloud site?");
    }
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await;
    let body = body
        .map_err(|error| anyhow::anyhow!("the answer breaks off: {error}"))?
        .to_bytes();
    let info: TenantInfo = serde_json::from_slice(&body)
        .context("the answer holds no cloud id: is it the address of a Confluence Cloud site?")?;
    Ok(info.cloud_id)
}
