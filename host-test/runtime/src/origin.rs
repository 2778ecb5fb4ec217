//! An origin that requests may go to, parsed more strictly than any other parser reads it.

use crate::address::HostKind;

/// An origin that requests may go to, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// With or without TLS.
    pub(crate) scheme: Scheme,
    /// In lower case; an address of version 6 in brackets.
    pub(crate) host: String,
    /// Given or implied by the scheme.
    pub(crate) port: u16,
}

/// The schemes that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Parses an authority strictly: no user, no odd port, no character that another parser reads differently.
    pub(crate) fn parse(scheme: Scheme, authority: &str) -> Option<Self> {
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return None;
        }
        let port = match port {
            None => scheme.default_port(),
            Some(port) => parse_port(port)?,
        };
        Some(Self { scheme, host, port })
    }

    pub(crate) fn kind(&self) -> HostKind {
        HostKind::of(&self.host)
    }

    /// As in a `Host` header.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Host and port, the latter as text.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let (host, rest) = authority.split_at(authority.find(']')? + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// `u16::from_str` would take `+8080`.
fn parse_port(port: &str) -> Option<u16> {
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.then(|| port.parse().ok()).flatten()?;
    (port != 0).then_some(port)
}

/// A name of ASCII letters, digits, hyphens and dots, an address of version 4, or one of version 6 in
/// brackets. What looks like an address in another form (`127.1`, `0x7f000001`) is neither.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or_default();
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    let well_formed = host.len() <= 253
        && labels.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
    let last = labels.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    well_formed && (!numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}
