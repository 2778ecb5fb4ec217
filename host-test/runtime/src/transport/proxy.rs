//! The proxy of the environment: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, as curl reads them.
//!
//! Requests go through a tunnel (CONNECT), so that a proxy sees no more than the host's name. Then the proxy
//! looks the name up, and egress has only the name to decide on. Never for loopback.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::address::HostKind;
use crate::base_url::Origin;

/// How an origin is reached.
#[derive(Clone)]
pub(super) enum Route {
    Direct,
    Proxy(Intercept),
}

/// The proxy does not open a tunnel.
#[derive(Debug)]
pub(super) struct ProxyError {
    /// Without its credentials.
    proxy: String,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Route {
    pub(super) fn of(origin: Option<&Origin>, proxies: &Matcher) -> Self {
        let Some(origin) = origin.filter(|origin| origin.kind() == HostKind::Other) else {
            return Self::Direct;
        };
        let uri = format!("https://{}/", origin.authority());
        let intercept = uri
            .parse::<Uri>()
            .ok()
            .and_then(|uri| proxies.intercept(&uri));
        intercept.map_or(Self::Direct, Self::Proxy)
    }
}

/// The proxy's URI, if it is one that can be used.
pub(super) fn usable(intercept: &Intercept) -> Result<Uri, ProxyError> {
    let uri = intercept.uri();
    if uri.scheme_str() == Some("http") {
        return Ok(uri.clone());
    }
    Err(ProxyError {
        proxy: shown(uri),
        cause: None,
    })
}

fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    format!(
        "{scheme}://{}",
        uri.authority()
            .map(http::uri::Authority::as_str)
            .unwrap_or_default()
    )
}

impl ProxyError {
    pub(super) fn new(
        proxy: &Uri,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            proxy: shown(proxy),
            cause: Some(cause.into()),
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(
                formatter,
                "the proxy {} opens no tunnel: {cause}",
                self.proxy
            ),
            None => write!(
                formatter,
                "the proxy {} of the environment cannot be used: only http:// proxies are supported; set \
                 HTTPS_PROXY to one, or NO_PROXY to this host",
                self.proxy
            ),
        }
    }
}

impl std::error::Error for ProxyError {}
