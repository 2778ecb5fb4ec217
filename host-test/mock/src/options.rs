//! How a mock is started, and under which addresses it is reached.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::access::AccessPolicy;
use super::corpus::Corpus;
use super::fault::Fault;

/// How a mock is started.
#[derive(Clone, Debug)]
pub struct MockOptions {
    /// What the site holds.
    pub corpus: Corpus,
    /// Who may see it.
    pub access: AccessPolicy,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The delay before each answer.
    pub latency: Duration,
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// How many requests are kept for [`Mock::requests`](crate::server::Mock::requests); 0 keeps none.
    pub log_capacity: usize,
}

impl MockOptions {
    /// A mock of this corpus on a free port of loopback, without faults or delay.
    #[must_use]
    pub fn new(corpus: Corpus) -> Self {
        Self {
            corpus,
            access: AccessPolicy::default(),
            faults: Vec::new(),
            latency: Duration::ZERO,
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            log_capacity: 100_000,
        }
    }
}

/// The two addresses of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseUrl {
    /// The gateway's, which scoped tokens need.
    Gateway,
    /// The site's own.
    Site,
}
