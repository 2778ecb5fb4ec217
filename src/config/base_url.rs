//! Where the service is: what a person pastes, reduced to what counts.

use std::fmt;
use std::net::Ipv4Addr;

use crate::text;
use crate::url::Url;

/// The site's own address, or the gateway's with the cloud id in its path; never with a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Whether the scheme is https.
    pub secure: bool,
    /// Host and port.
    pub authority: String,
    /// Empty for the site's own address, `/ex/confluence/<cloud-id>` for the gateway.
    pub path: String,
}

/// What base URLs look like, for hosts that restrict where requests may go. A host and a path beyond these are
/// no base URL of this connector.
pub const TEMPLATES: [&str; 3] = [
    "https://api.atlassian.com/ex/confluence/{id}",
    "https://{host}/ex/confluence/{id}",
    "https://{host}",
];

pub(super) const HELP: &str = "use https://api.atlassian.com/ex/confluence/<cloud-id> with a scoped token, \
     or https://<site>.atlassian.net with an unscoped one \
     (isolated cloud: <site>.atlassian-isolated.net, US government: <site>.atlassian-us-gov-mod.net)";

/// The domains of sites: commercial, isolated cloud, and the two for the US government.
const SITE_DOMAINS: [&str; 4] = [
    ".atlassian.net",
    ".atlassian-isolated.net",
    ".atlassian-us-gov-mod.net",
    ".atlassian-us-gov.net",
];

impl BaseUrl {
    /// Whether requests go through Atlassian's gateway, which scoped tokens need.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        !self.path.is_empty()
    }

    /// The host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => &self.authority,
        }
    }

    /// Whether a host is a site of Atlassian's by its name.
    #[must_use]
    pub fn is_site(host: &str) -> bool {
        SITE_DOMAINS.iter().any(|domain| host.ends_with(domain))
    }

    /// Reads what a person pasted. Blanks around it, a missing `https://`, a query, and whatever path follows the
    /// site or the cloud id are dropped.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let with_scheme = if text::holds(text, "://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url =
            Url::parse(&with_scheme).ok_or_else(|| format!("is not the URL of a site; {HELP}"))?;
        if url.authority.contains('@') {
            return Err("must not hold credentials: put them into username and api_token".into());
        }
        let (host, port) = url.host_and_port().unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let secure = match url.scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" if is_loopback(&host) => false,
            "http" => return Err("must begin with https:// (http is for loopback alone)".into()),
            _ => return Err(format!("must begin with https://; {HELP}")),
        };
        let path = path_that_counts(&host, url.path)?;
        let default_port = if secure { 443 } else { 80 };
        let authority = match port {
            Some(port) if port != default_port => format!("{host}:{port}"),
            _ => host,
        };
        Ok(Self {
            secure,
            authority,
            path,
        })
    }
}

/// The gateway's prefix with the cloud id, or nothing.
fn path_that_counts(host: &str, path: &str) -> Result<String, String> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let is_prefix = (segments.next(), segments.next()) == (Some("ex"), Some("confluence"));
    let cloud_id = segments.next().filter(|id| is_prefix && is_cloud_id(id));
    match cloud_id {
        Some(_) if BaseUrl::is_site(host) => {
            Err(format!("mixes a site with the gateway's path; {HELP}"))
        }
        Some(cloud_id) => Ok(format!("/ex/confluence/{cloud_id}")),
        None if host == "api.atlassian.com" || is_prefix => Err(format!(
            "lacks the cloud id: `host-test cloud-id <site>` prints it; {HELP}"
        )),
        None => Ok(String::new()),
    }
}

fn is_cloud_id(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "[::1]")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority, self.path)
    }
}
