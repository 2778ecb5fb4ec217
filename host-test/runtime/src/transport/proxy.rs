//! Proxies of the environment: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms, as curl reads
//! them.
//!
//! A proxy is asked for a tunnel (CONNECT) to the host's name, inside which TLS is spoken with the host itself. So
//! the proxy sees the name and nothing else, and it is the proxy that looks the name up: the egress policy decides
//! on the name, or on the address that stands in its place. A host on loopback is never asked of a proxy.

use std::env;
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::address::HostKind;

/// The variables that name a proxy for https.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Which proxy to take for which host.
#[derive(Clone)]
pub(super) struct Proxies(Arc<Matcher>);

/// How a host is reached.
pub(super) enum Route {
    Direct,
    Tunnel(Proxy),
}

/// A proxy that speaks HTTP.
pub(super) struct Proxy {
    pub(super) uri: Uri,
    pub(super) authorization: Option<HeaderValue>,
}

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error(
        "the proxy {0} is not one that this program can use: name an HTTP proxy (http://host:port) in HTTPS_PROXY"
    )]
    Scheme(String),
    #[error(
        "the proxy {0} asks for credentials: put user and password into its URL \
         (http://user:password@host:port)"
    )]
    Credentials(String),
    #[error("the proxy {0} refuses a tunnel to the service")]
    Refused(String),
    #[error("the proxy {proxy} cannot be reached: {cause}")]
    Unreachable { proxy: String, cause: String },
    #[error("the proxy {proxy} broke off: {cause}")]
    Broken { proxy: String, cause: String },
}

impl Proxies {
    /// Those of the environment, read once for the process.
    pub(super) fn from_environment() -> Self {
        static PROXIES: OnceLock<Proxies> = OnceLock::new();
        let read = || {
            for name in VARIABLES {
                if env::var(name).is_ok_and(|value| !is_usable(value.trim())) {
                    tracing::warn!("{name} does not hold the URL of a proxy; it is ignored");
                }
            }
            Self(Arc::new(Matcher::from_env()))
        };
        PROXIES.get_or_init(read).clone()
    }

    /// For tests: one for all hosts but `excluded`.
    #[cfg(test)]
    pub(super) fn of(proxy: String, excluded: &str) -> Self {
        let matcher = Matcher::builder()
            .all(proxy)
            .no(excluded.to_owned())
            .build();
        Self(Arc::new(matcher))
    }

    /// How to reach a host.
    pub(super) fn route(&self, uri: &Uri) -> Result<Route, ProxyError> {
        if HostKind::of(uri.host().unwrap_or_default()) == HostKind::Loopback {
            return Ok(Route::Direct);
        }
        match self.0.intercept(uri) {
            None => Ok(Route::Direct),
            Some(intercept) => tunnel(&intercept).map(Route::Tunnel),
        }
    }
}

/// Empty is as good as unset.
fn is_usable(value: &str) -> bool {
    let any = Uri::from_static("https://service.example");
    let matcher = Matcher::builder().all(value.to_owned()).build();
    value.is_empty() || matcher.intercept(&any).is_some()
}

fn tunnel(intercept: &Intercept) -> Result<Proxy, ProxyError> {
    let uri = intercept.uri();
    if uri.scheme_str() != Some("http") {
        return Err(ProxyError::Scheme(shown(uri)));
    }
    Ok(Proxy {
        uri: uri.clone(),
        authorization: intercept.basic_auth().cloned(),
    })
}

/// Scheme, host and port, never the credentials.
pub(super) fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let host = uri.host().unwrap_or_default();
    match uri.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}
