//! Which addresses a connector may reach: those of the public internet, and what the operator adds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What the operator allows beyond the public internet. A tenant's configuration cannot change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicy {
    loopback: Loopback,
    networks: Vec<IpNet>,
}

/// Whether a base URL may name a server on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Loopback {
    #[default]
    Denied,
    Allowed,
}

impl NetworkPolicy {
    /// Allows base URLs that name a server on loopback, without TLS too: for tests and mocks.
    #[must_use]
    pub fn allow_loopback(mut self) -> Self {
        self.loopback = Loopback::Allowed;
        self
    }

    /// Allows the addresses of a network that is not part of the public internet.
    #[must_use]
    pub fn allow_network(mut self, network: IpNet) -> Self {
        self.networks.push(network);
        self
    }

    pub(crate) fn allows_loopback(&self) -> bool {
        self.loopback == Loopback::Allowed
    }

    /// Decides on an address that a host's name stands for. A host that is on loopback by its own name may have
    /// addresses there and nowhere else.
    pub(crate) fn check(&self, host: HostKind, address: IpAddr) -> Result<(), DeniedAddress> {
        let judged = embedded(address);
        let on_loopback = judged.is_loopback();
        if host == HostKind::Loopback && self.allows_loopback() {
            if on_loopback {
                return Ok(());
            }
            return Err(DeniedAddress::new(address, judged));
        }
        let allowed = |network: &IpNet| network.contains(&address) || network.contains(&judged);
        match special_range(judged) {
            Some(_) if !self.networks.iter().any(allowed) => {
                Err(DeniedAddress::new(address, judged))
            }
            _ => Ok(()),
        }
    }
}

/// What a host's name says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostKind {
    /// `localhost`, or an address of loopback.
    Loopback,
    /// Anything else.
    Other,
}

impl HostKind {
    pub(crate) fn of(host: &str) -> Self {
        let name = host.strip_suffix('.').unwrap_or(host);
        if name == "localhost" || literal_address(host).is_some_and(|address| address.is_loopback())
        {
            Self::Loopback
        } else {
            Self::Other
        }
    }
}

/// The address that a host is by itself, with or without brackets.
pub(crate) fn literal_address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// An address that no connector may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedAddress {
    /// As it was found.
    pub address: IpAddr,
    /// The special-purpose network that it belongs to.
    pub network: IpNet,
    /// What this network is for.
    pub purpose: &'static str,
}

impl DeniedAddress {
    fn new(address: IpAddr, judged: IpAddr) -> Self {
        let (network, purpose) =
            special_range(judged).unwrap_or((IpNet::from(judged), "not on loopback"));
        Self {
            address,
            network,
            purpose,
        }
    }
}

impl fmt::Display for DeniedAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            network,
            purpose,
        } = self;
        write!(
            formatter,
            "the address {address} belongs to {network} ({purpose}), not to the public internet; "
        )?;
        if address.is_loopback() {
            write!(formatter, "whoever operates this host can allow loopback")
        } else {
            write!(
                formatter,
                "if that is intended, allow it with --allow-network {network}"
            )
        }
    }
}

impl std::error::Error for DeniedAddress {}

/// The address of version 4 inside one of version 6, where a gateway or the kernel takes it from there:
/// mapped addresses and NAT64 (RFC 6052).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else {
        return address;
    };
    if let Some(four) = six.to_ipv4_mapped() {
        return IpAddr::V4(four);
    }
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => address,
    }
}

/// The network of IANA's registries of special-purpose addresses that an address belongs to.
fn special_range(address: IpAddr) -> Option<(IpNet, &'static str)> {
    match address {
        IpAddr::V4(four) => SPECIAL_V4.iter().find_map(|(network, purpose)| {
            let found = network.contains(&four);
            found.then_some((IpNet::V4(*network), *purpose))
        }),
        IpAddr::V6(six) => SPECIAL_V6.iter().find_map(|(network, purpose)| {
            let found = network.contains(&six);
            found.then_some((IpNet::V6(*network), *purpose))
        }),
    }
}

const fn four(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn six(first: u16, second: u16, third: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), prefix)
}

const SPECIAL_V4: [(Ipv4Net, &str); 16] = [
    (four(0, 0, 0, 0, 8), "this network"),
    (four(10, 0, 0, 0, 8), "private"),
    (four(100, 64, 0, 0, 10), "shared by carriers and overlays"),
    (four(127, 0, 0, 0, 8), "loopback"),
    (four(169, 254, 0, 0, 16), "link-local"),
    (four(172, 16, 0, 0, 12), "private"),
    (four(192, 0, 0, 0, 24), "protocol assignments"),
    (four(192, 0, 2, 0, 24), "documentation"),
    (four(192, 88, 99, 0, 24), "6to4 relays"),
    (four(192, 168, 0, 0, 16), "private"),
    (
        four(198, 18, 0, 0, 15),
        "benchmarks and fake-IP name servers",
    ),
    (four(198, 51, 100, 0, 24), "documentation"),
    (four(203, 0, 113, 0, 24), "documentation"),
    (four(224, 0, 0, 0, 4), "multicast"),
    (four(255, 255, 255, 255, 32), "broadcast"),
    (four(240, 0, 0, 0, 4), "reserved"),
];

/// Specific ones first; the last ones leave 2000::/3, which is all that is in public use.
const SPECIAL_V6: [(Ipv6Net, &str); 19] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "loopback"),
    (
        Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 96),
        "unspecified",
    ),
    (six(0x64, 0xff9b, 1, 48), "local NAT64"),
    (six(0x100, 0, 0, 64), "discard"),
    (six(0x2001, 0, 0, 32), "Teredo"),
    (six(0x2001, 0, 0, 23), "protocol assignments"),
    (six(0x2001, 0xdb8, 0, 32), "documentation"),
    (six(0x2002, 0, 0, 16), "6to4"),
    (six(0x3fff, 0, 0, 20), "documentation"),
    (six(0x5f00, 0, 0, 16), "segment routing"),
    (six(0xfc00, 0, 0, 7), "private"),
    (six(0xfe80, 0, 0, 10), "link-local"),
    (six(0xfec0, 0, 0, 10), "site-local"),
    (six(0xff00, 0, 0, 8), "multicast"),
    (six(0x0000, 0, 0, 3), "not in public use"),
    (six(0x4000, 0, 0, 3), "not in public use"),
    (six(0x6000, 0, 0, 3), "not in public use"),
    (six(0x8000, 0, 0, 2), "not in public use"),
    (six(0xc000, 0, 0, 2), "not in public use"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_public_internet_and_nothing_else() {
        let policy = NetworkPolicy::default();
        for (address, allowed) in [
            ("104.192.142.18", true),
            ("2401:1d80:3000::1", true),
            ("64:ff9b::104.192.142.18", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::127.0.0.1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b:1::1", false),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("192.168.1.1", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("198.18.0.1", false),
            ("192.88.99.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::10.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("fd00::1", false),
            ("fd00:ec2::254", false),
            ("2002:a00:1::1", false),
            ("2001::1", false),
            ("2001:2::1", false),
            ("2001:db8::1", false),
            ("3fff::1", false),
            ("3fff:fff::1", false),
            ("5f00::1", false),
            ("ff02::1", false),
            ("4000::1", false),
            ("8000::1", false),
        ] {
            let found = policy.check(HostKind::Other, address.parse().unwrap());
            assert_eq!(found.is_ok(), allowed, "{address}: {found:?}");
        }
    }

    #[test]
    fn an_operator_adds_networks_and_is_told_how() {
        let fake: IpAddr = "198.18.7.7".parse().unwrap();
        let denied = NetworkPolicy::default().check(HostKind::Other, fake);
        assert_eq!(
            denied.unwrap_err().to_string(),
            "the address 198.18.7.7 belongs to 198.18.0.0/15 (benchmarks and fake-IP name servers), not to \
             the public internet; if that is intended, allow it with --allow-network 198.18.0.0/15"
        );
        let policy = NetworkPolicy::default().allow_network("198.18.0.0/15".parse().unwrap());
        assert_eq!(policy.check(HostKind::Other, fake), Ok(()));
        let mapped = "::ffff:198.18.7.7".parse().unwrap();
        assert_eq!(policy.check(HostKind::Other, mapped), Ok(()));
        assert!(
            policy
                .check(HostKind::Other, "10.0.0.1".parse().unwrap())
                .is_err()
        );
    }

    #[test]
    fn loopback_needs_the_operator_and_a_host_that_says_so() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let (closed, open) = (
            NetworkPolicy::default(),
            NetworkPolicy::default().allow_loopback(),
        );
        assert!(closed.check(HostKind::of("localhost"), here).is_err());
        assert!(closed.check(HostKind::of("127.0.0.1"), here).is_err());
        assert_eq!(open.check(HostKind::of("localhost"), here), Ok(()));
        assert_eq!(
            open.check(HostKind::of("[::1]"), "::1".parse().unwrap()),
            Ok(())
        );
        assert!(open.check(HostKind::of("site.example"), here).is_err());
        assert!(
            open.check(HostKind::of("localhost"), "10.0.0.1".parse().unwrap())
                .is_err()
        );
    }
}
