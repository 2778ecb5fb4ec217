//! Where the requests of a tenant may go: to its base URL, by the methods and paths that the connector
//! declares, and nowhere else.
//!
//! Decided twice: before the name is looked up, on method, origin and path; and again on the addresses that
//! the name stands for, so that no name can lead to loopback or into a private network.

use std::net::IpAddr;
use std::sync::Arc;

use http::{Method, Uri};

use crate::address::{DeniedAddress, NetworkPolicy, literal_address};
use crate::description::Description;
use crate::origin::{Origin, Scheme};
use crate::percent_encoding::is_plain_query;
use crate::printable::printable_within;
use crate::request_pattern::{RequestPattern, is_allowed_method, split_path};
use crate::url_template::BaseUrl;

/// What one tenant may send.
#[derive(Debug, Clone)]
pub struct Egress {
    /// None leads nowhere.
    base: Option<BaseUrl>,
    requests: Requests,
    network: NetworkPolicy,
}

#[derive(Debug, Clone)]
enum Requests {
    /// Those that the connector declares.
    Declared(Arc<[RequestPattern]>),
    /// All: the operator's own.
    All,
}

/// Why a request may not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is for another origin.
    #[error("a request to {0}, which is not the origin of the base URL")]
    Origin(String),
    /// No request may leave: the configuration has no base URL that the connector can use.
    #[error(
        "a request to {0}: the base URL is none of those that the connector declares, which need https"
    )]
    BaseUrl(String),
    /// Servers read its path or its query differently.
    #[error("a request whose path or query is ambiguous: {0}")]
    Ambiguous(String),
    /// It is none that the connector declares.
    #[error("a request that the connector does not declare: {0}")]
    Request(String),
    /// It would leave without TLS.
    #[error("a request to {0} without TLS")]
    Plain(String),
    /// It is for an address that no connector may reach.
    #[error("{0}")]
    Address(#[from] DeniedAddress),
}

impl Egress {
    /// The policy for a base URL of this connector.
    pub(crate) fn for_connector(
        description: &Description,
        configured_url: &str,
        network: NetworkPolicy,
    ) -> Self {
        Self {
            base: BaseUrl::parse(configured_url, &description.base_urls),
            requests: Requests::Declared(description.requests.clone().into()),
            network,
        }
    }

    /// The policy for requests that the operator makes: all of one origin, if the URL names one.
    #[must_use]
    pub fn for_origin(url: &str, network: NetworkPolicy) -> Option<Self> {
        Some(Self {
            base: Some(BaseUrl::of_origin(url)?),
            requests: Requests::All,
            network,
        })
    }

    /// The origin that requests go to.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.base.as_ref().map(|base| &base.origin)
    }

    /// Decides before the name is looked up.
    ///
    /// # Errors
    ///
    /// Why the request may not leave.
    pub fn check(&self, method: &Method, uri: &Uri) -> Result<(), Denied> {
        let authority = uri
            .authority()
            .map(http::uri::Authority::as_str)
            .unwrap_or_default();
        let shown = || printable_within(authority, 200);
        let scheme = uri.scheme_str().and_then(Scheme::parse);
        let origin = scheme.and_then(|scheme| Origin::parse(scheme, authority));
        let base = match (&self.base, origin) {
            (Some(base), Some(origin)) if base.origin == origin => base,
            (None, Some(origin)) => return Err(self.without_base(&origin, shown())),
            _ => return Err(Denied::Origin(shown())),
        };
        let loopback = base.origin.kind() == crate::address::HostKind::Loopback;
        if base.origin.scheme == Scheme::Http && !loopback {
            return Err(Denied::Plain(shown()));
        }
        self.check_request(base, method, uri)?;
        match literal_address(&base.origin.host) {
            Some(address) => self.check_address(address).map_err(Denied::Address),
            // The name itself says what it is, before anybody is asked.
            None if loopback && !self.network.allows_loopback() => self
                .check_address(IpAddr::from([127, 0, 0, 1]))
                .map_err(Denied::Address),
            None => Ok(()),
        }
    }

    /// Decides on an address that the name stands for.
    ///
    /// # Errors
    ///
    /// Why it may not be reached.
    pub fn check_address(&self, address: IpAddr) -> Result<(), DeniedAddress> {
        let kind = self
            .origin()
            .map_or(crate::address::HostKind::Other, Origin::kind);
        self.network.check(kind, address)
    }

    /// Without a base URL nothing is allowed. Where it was refused for its address, that is what the user has to know.
    fn without_base(&self, origin: &Origin, shown: String) -> Denied {
        let address = literal_address(&origin.host);
        let denied = address.and_then(|address| self.network.check(origin.kind(), address).err());
        denied.map_or(Denied::BaseUrl(shown), Denied::Address)
    }

    /// Whether the connector declares a request below the base URL.
    fn check_request(&self, base: &BaseUrl, method: &Method, uri: &Uri) -> Result<(), Denied> {
        let request = || printable_within(&format!("{method} {}", uri.path()), 200);
        if !is_allowed_method(method) {
            return Err(Denied::Request(request()));
        }
        let Requests::Declared(patterns) = &self.requests else {
            return Ok(());
        };
        let segments = split_path(uri.path()).filter(|_| uri.query().is_none_or(is_plain_query));
        let segments = segments.ok_or_else(|| Denied::Ambiguous(request()))?;
        let below = segments.split_at_checked(base.prefix.len());
        let declared = below.is_some_and(|(prefix, below)| {
            prefix == base.prefix
                && patterns
                    .iter()
                    .any(|pattern| pattern.matches(method, below))
        });
        declared
            .then_some(())
            .ok_or_else(|| Denied::Request(request()))
    }
}

#[cfg(test)]
#[path = "egress/tests.rs"]
mod tests;
