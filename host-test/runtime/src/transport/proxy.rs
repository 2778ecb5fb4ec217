//! Proxies of the environment: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms, as curl reads
//! them.
//!
//! A proxy is asked for a tunnel (CONNECT) to the host's name, inside which TLS is spoken with the host itself. So
//! the proxy sees the name and nothing else, and it is the proxy that looks the name up: the egress policy decides
//! on the name, or on the address that stands in its place. A host on loopback is never asked of a proxy.

use std::env;
use std::sync::{Arc, OnceLock};

use http::uri::Authority;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::address::HostKind;

/// The variables that name a proxy for https: the first one that is set and not empty counts.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The variables that name hosts to reach without it.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Which proxy to take for which host.
#[derive(Clone)]
pub(super) struct Proxies(Arc<Settings>);

struct Settings {
    matcher: Matcher,
    /// Hosts, each with the one port at which it is reached without a proxy.
    excluded_ports: Vec<(String, u16)>,
    /// The variable whose value is no URL of a proxy.
    malformed: Option<&'static str>,
}

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
    #[error(
        "{0} does not hold the URL of a proxy: write http://host:port or http://user:password@host:port (in a password # \
         is %23, / is %2F, @ is %40), or unset it to go without one"
    )]
    Malformed(&'static str),
    #[error(
        "the proxy {0} refuses the credentials of its URL: check user and password, and that special characters \
         are percent-encoded (# as %23, / as %2F, @ as %40)"
    )]
    WrongCredentials(String),
    #[error("the proxy {proxy} refuses a tunnel (HTTP {status})")]
    Refused { proxy: String, status: u16 },
    #[error("the proxy {proxy} cannot be reached: {cause}")]
    Unreachable { proxy: String, cause: String },
    #[error("the proxy {proxy} broke off: {cause}")]
    Broken { proxy: String, cause: String },
}

impl Proxies {
    /// For tests: one for all hosts but `excluded`.
    #[cfg(test)]
    pub(super) fn of(proxy: &str, excluded: &str) -> Self {
        Self::read(|name| match name {
            "ALL_PROXY" => Some(proxy.to_owned()),
            "NO_PROXY" => Some(excluded.to_owned()),
            _ => None,
        })
    }

    /// Those of the environment, read once for the process.
    pub(super) fn from_environment() -> Self {
        static PROXIES: OnceLock<Proxies> = OnceLock::new();
        let read = || Self::read(|name| env::var(name).ok());
        PROXIES.get_or_init(read).clone()
    }

    /// Those of these variables.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &'static str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        };
        let (name, proxy) = VARIABLES.into_iter().find_map(value).unwrap_or_default();
        let exceptions = EXCEPTIONS.into_iter().find_map(value).unwrap_or_default().1;
        let is_malformed = !proxy.is_empty() && !is_usable(&proxy);
        let mut excluded = Vec::new();
        let mut excluded_ports = Vec::new();
        for entry in exceptions
            .split([',', ' '])
            .filter(|entry| !entry.is_empty())
        {
            // As others write it: `*.example.com` for `.example.com`, and one port of a host.
            let host = entry.strip_prefix("*.").unwrap_or(entry);
            match host
                .rsplit_once(':')
                .map(|(host, port)| (host, port.parse()))
            {
                Some((host, Ok(port))) if !host.contains(':') || host.ends_with(']') => {
                    let host = host.trim_start_matches('.').to_ascii_lowercase();
                    excluded_ports.push((host, port));
                }
                _ => excluded.push(host),
            }
        }
        // A stand-in tells what would be asked of the proxy.
        let stand_in = if is_malformed {
            "http://proxy.invalid"
        } else {
            &proxy
        };
        Self(Arc::new(Settings {
            matcher: Matcher::builder()
                .all(stand_in.to_owned())
                .no(excluded.join(","))
                .build(),
            excluded_ports,
            malformed: is_malformed.then_some(name),
        }))
    }

    /// The proxy on the way to a host, if there is one.
    pub(super) fn name(&self, uri: &Uri) -> Option<String> {
        match self.route(uri) {
            Ok(Route::Tunnel(proxy)) => Some(shown(&proxy.uri)),
            _ => None,
        }
    }

    /// How to reach a host.
    pub(super) fn route(&self, uri: &Uri) -> Result<Route, ProxyError> {
        if HostKind::of(uri.host().unwrap_or_default()) == HostKind::Loopback {
            return Ok(Route::Direct);
        }
        if self.is_excluded_by_port(uri) {
            return Ok(Route::Direct);
        }
        match (self.0.matcher.intercept(uri), self.0.malformed) {
            (None, _) => Ok(Route::Direct),
            (Some(_), Some(variable)) => Err(ProxyError::Malformed(variable)),
            (Some(intercept), None) => tunnel(&intercept).map(Route::Tunnel),
        }
    }

    fn is_excluded_by_port(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(443);
        let mut excluded = self.0.excluded_ports.iter();
        excluded.any(|(name, at)| {
            let below = host.strip_suffix(name.as_str());
            *at == port && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        })
    }
}

/// Whether a value is the URL of a proxy. The matcher takes what others take: it reads a port that is none as port 80,
/// and what stands before a `#` or `/` in a password as the host.
fn is_usable(value: &str) -> bool {
    let is_cut = value.contains('#') || value.contains('?');
    let Some(uri) = value.parse::<Uri>().ok().filter(|_| !is_cut) else {
        return false;
    };
    let authority = uri.authority().map_or("", Authority::as_str);
    let place = authority
        .split_once('@')
        .map_or(authority, |(_, place)| place);
    let port = match place.rsplit_once(':') {
        Some((_, port)) if !place.ends_with(']') => port.parse::<u16>().ok(),
        _ => Some(80),
    };
    if place.contains('@') || uri.path().contains('@') || port.is_none_or(|port| port == 0) {
        return false;
    }
    let any = Uri::from_static("https://service.example");
    let matcher = Matcher::builder().all(value.to_owned()).build();
    matcher.intercept(&any).is_some()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `direct`, the proxy, or what is wrong with it.
    fn route(variables: &[(&str, &str)], uri: &str) -> String {
        let value = |name: &str| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        };
        match Proxies::read(value).route(&uri.parse().unwrap()) {
            Ok(Route::Direct) => "direct".to_owned(),
            Ok(Route::Tunnel(proxy)) => shown(&proxy.uri),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let uri = "https://api.atlassian.com/";
        for (variables, expected) in [
            (&[][..], "direct"),
            (&[("HTTPS_PROXY", "http://p:1")], "http://p:1"),
            (&[("all_proxy", "p:1")], "http://p:1"),
            (
                &[("HTTPS_PROXY", " "), ("ALL_PROXY", "http://p:2")],
                "http://p:2",
            ),
            (&[("HTTP_PROXY", "http://p:1")], "direct"),
            (&[("HTTPS_PROXY", "http://u:p%23@p:1/")], "http://p:1"),
            (&[("HTTPS_PROXY", "http://[::1]")], "http://[::1]"),
            (&[("HTTPS_PROXY", "http://u@[::1]:8")], "http://[::1]:8"),
            (&[("HTTPS_PROXY", "u:p@p")], "http://p"),
        ] {
            assert_eq!(route(variables, uri), expected, "{variables:?}");
        }
    }

    /// Going without the proxy that a person meant would go round what it is for.
    #[test]
    fn what_is_no_url_of_a_proxy_is_said_and_not_gone_round() {
        for malformed in [
            "http://",
            "http://a b",
            "://p:1",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:abc",
            "http://127.0.0.1:0",
            "http://127.0.0.1:",
            "http://us:pw@127.0.0.1:99999",
            "http://us:p#ss@host:1",
            "http://us:p/ss@host:1",
            "http://us:80/ss@host:1",
            "http://us#er@host:1",
            "http://us:p?ss@host:1",
            "http://us:p@ss@host:1",
        ] {
            let variables = [("HTTPS_PROXY", malformed), ("NO_PROXY", "other.example")];
            let said = route(&variables, "https://site.example/");
            assert!(
                said.contains("HTTPS_PROXY does not hold"),
                "{malformed}: {said}"
            );
            assert_eq!(route(&variables, "https://other.example/"), "direct");
            assert_eq!(route(&variables, "http://127.0.0.1:8080/"), "direct");
        }
    }

    #[test]
    fn exceptions_are_read_in_the_forms_that_others_write() {
        for (exceptions, uri, expected) in [
            ("site.example", "https://site.example/", "direct"),
            ("example", "https://site.example/", "direct"),
            (".site.example", "https://a.site.example/", "direct"),
            ("*.site.example", "https://a.site.example/", "direct"),
            ("*", "https://site.example/", "direct"),
            ("a.b, site.example", "https://site.example/", "direct"),
            ("a.b site.example", "https://site.example/", "direct"),
            ("site.example:443", "https://site.example/", "direct"),
            ("site.example:8443", "https://site.example/", "http://p:1"),
            (
                ".site.example:8443",
                "https://a.site.example:8443/",
                "direct",
            ),
            ("10.0.0.0/8", "https://10.1.2.3/", "direct"),
            ("ite.example", "https://site.example/", "http://p:1"),
            ("ite.example:443", "https://site.example/", "http://p:1"),
        ] {
            let variables = [("https_proxy", "http://p:1"), ("no_proxy", exceptions)];
            assert_eq!(route(&variables, uri), expected, "{exceptions}: {uri}");
        }
    }
}
