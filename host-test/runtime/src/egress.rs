//! Where a tenant may go: to the origin of its own `base_url`, and nowhere else.
//!
//! Decided twice: before the name is looked up, on scheme, host and port; and again on the addresses that
//! the name stands for, so that no name can lead to loopback or into a private network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// What one tenant may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    secure: bool,
    host: String,
    port: u16,
    /// Whether the configuration itself names a server on loopback.
    loopback: bool,
}

/// Why a request may not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is for another origin.
    #[error("a request to {0}, which is not the origin of base_url")]
    Origin(String),
    /// It is for an address that no tenant may reach.
    #[error("the address {0} is on loopback or in a private network")]
    Address(IpAddr),
}

impl Egress {
    /// The policy for a base URL, if it is one.
    #[must_use]
    pub fn for_base_url(base_url: &str) -> Option<Self> {
        let uri: Uri = base_url.parse().ok()?;
        let (secure, host, port) = origin(&uri)?;
        let loopback =
            host == "localhost" || address(&host).is_some_and(|address| address.is_loopback());
        Some(Self {
            secure,
            host,
            port,
            loopback,
        })
    }

    /// The policy that allows nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            secure: true,
            host: String::new(),
            port: 0,
            loopback: false,
        }
    }

    /// Decides before the name is looked up.
    ///
    /// # Errors
    ///
    /// Why the request may not leave.
    pub fn check(&self, uri: &Uri) -> Result<(), Denied> {
        let allowed = origin(uri).is_some_and(|(secure, host, port)| {
            secure == self.secure && host == self.host && port == self.port
        });
        if !allowed {
            return Err(Denied::Origin(
                uri.authority().map(ToString::to_string).unwrap_or_default(),
            ));
        }
        match address(&self.host) {
            Some(address) => self.check_address(address),
            None => Ok(()),
        }
    }

    /// Decides on an address that the name stands for.
    ///
    /// # Errors
    ///
    /// Why it may not be reached.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Denied> {
        let allowed = if self.loopback {
            address.is_loopback()
        } else {
            is_public(address)
        };
        if allowed {
            Ok(())
        } else {
            Err(Denied::Address(address))
        }
    }
}

fn origin(uri: &Uri) -> Option<(bool, String, u16)> {
    let secure = uri.scheme()? == &Scheme::HTTPS;
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    Some((secure, uri.host()?.to_ascii_lowercase(), port))
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Whether an address is one of the public internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (second == 18 || second == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global_unicast = (0x2000..0x4000).contains(&first);
    // 6to4 and Teredo carry addresses of version 4, which could be private.
    let tunnel = first == 0x2002 || (first == 0x2001 && second == 0);
    let documentation = first == 0x2001 && second == 0x0db8;
    global_unicast && !tunnel && !documentation
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_origin_and_nothing_else() {
        let egress = Egress::for_base_url("https://api.atlassian.com/ex/confluence/1").unwrap();
        for (uri, allowed, why) in [
            (
                "https://api.atlassian.com/ex/confluence/1/wiki/api/v2/pages",
                true,
                "its own",
            ),
            (
                "https://API.atlassian.com:443/x",
                true,
                "the same origin in other words",
            ),
            ("http://api.atlassian.com/x", false, "another scheme"),
            ("https://api.atlassian.com:8443/x", false, "another port"),
            ("https://id.atlassian.com/login", false, "another host"),
            (
                "https://api.atlassian.com.example/x",
                false,
                "a longer host",
            ),
            (
                "https://169.254.169.254/latest",
                false,
                "a metadata service",
            ),
        ] {
            assert_eq!(
                egress.check(&uri.parse().unwrap()).is_ok(),
                allowed,
                "{why}"
            );
        }
    }

    #[test]
    fn names_may_not_lead_inside() {
        let egress = Egress::for_base_url("https://site.atlassian.net").unwrap();
        for (address, allowed) in [
            ("104.192.142.18", true),
            ("2401:1d80:3000::1", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("192.168.1.1", false),
            ("172.16.0.1", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("2002:a00:1::1", false),
        ] {
            assert_eq!(
                egress.check_address(address.parse().unwrap()).is_ok(),
                allowed,
                "{address}"
            );
        }
        let mock = Egress::for_base_url("http://127.0.0.1:8080").unwrap();
        assert!(
            mock.check(&"http://127.0.0.1:8080/wiki".parse().unwrap())
                .is_ok()
        );
        assert!(
            mock.check(&"http://127.0.0.1:8081/wiki".parse().unwrap())
                .is_err()
        );
        assert!(mock.check_address("10.0.0.1".parse().unwrap()).is_err());
        let private = Egress::for_base_url("https://10.0.0.1").unwrap();
        assert!(
            private
                .check(&"https://10.0.0.1/wiki".parse().unwrap())
                .is_err()
        );
    }
}
