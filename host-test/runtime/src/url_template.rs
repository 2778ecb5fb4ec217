//! The base URL of a configuration: which template of the connector it matches, and what of it counts.
//!
//! People paste what their browser shows. Path segments beyond a template, a query, a fragment and blanks
//! around it are cut off, as the connector does.

use std::fmt;

use crate::address::HostKind;
use crate::origin::{Origin, Scheme};
use crate::printable::printable_within;
use crate::request_pattern::{Segment, parse_segments, split_path, starts_with};
use crate::stream::ContractViolation;

/// An origin and the path segments that every request begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    pub(crate) origin: Origin,
    pub(crate) prefix: Vec<String>,
}

/// A template such as `https://{host}` or `https://api.example.com/sites/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrlTemplate {
    host: HostTemplate,
    port: u16,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostTemplate {
    /// `{host}`: any port, too.
    Any,
    /// `{name}.example.com`: one label before the suffix, which begins with a dot.
    Below(String),
    Literal(String),
}

impl BaseUrl {
    /// An origin and all below it, for requests that the operator makes.
    pub(crate) fn of_origin(url: &str) -> Option<Self> {
        let Pasted { origin, .. } = Pasted::parse(url)?;
        Some(Self {
            origin,
            prefix: Vec::new(),
        })
    }

    /// What counts of a pasted URL, by the template that matches most of its path. The host of a server on
    /// loopback, which the operator allows or not, fits any template: it plays whichever its path is for.
    pub(crate) fn parse(url: &str, templates: &[BaseUrlTemplate]) -> Option<Self> {
        let Pasted { origin, path } = Pasted::parse(url)?;
        let loopback = origin.kind() == HostKind::Loopback;
        let matches = |template: &&BaseUrlTemplate| {
            let segments = path.get(..template.segments.len());
            let segments = segments.and_then(split_path_of);
            segments.is_some_and(|segments| starts_with(&segments, &template.segments))
                && (loopback || template.accepts(&origin))
        };
        let found = templates
            .iter()
            .filter(matches)
            .max_by_key(|template| template.segments.len())?;
        let prefix = path.into_iter().take(found.segments.len());
        Some(Self {
            prefix: prefix.map(str::to_owned).collect(),
            origin,
        })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.origin.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(formatter, "{scheme}://{}", self.origin.authority())?;
        for segment in &self.prefix {
            write!(formatter, "/{segment}")?;
        }
        Ok(())
    }
}

/// A URL as a person gives it.
struct Pasted<'a> {
    origin: Origin,
    path: Vec<&'a str>,
}

impl<'a> Pasted<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let url = url.trim();
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (Scheme::parse(scheme)?, rest),
            None => (Scheme::Https, url),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        Some(Self {
            origin: Origin::parse(scheme, authority)?,
            path: segments.collect(),
        })
    }
}

fn split_path_of<'a>(segments: &[&'a str]) -> Option<Vec<&'a str>> {
    let plain = |segment: &&'a str| {
        segment.is_ascii() && split_path(segment).is_some_and(|split| split.len() == 1)
    };
    segments.iter().all(plain).then(|| segments.to_vec())
}

impl BaseUrlTemplate {
    pub(crate) fn parse(text: &str) -> Result<Self, ContractViolation> {
        let violation = || {
            let shown = printable_within(text, 200);
            ContractViolation(format!(
                "the base URL {shown:?} is not a template such as https://{{host}}/path"
            ))
        };
        let rest = text.strip_prefix("https://").ok_or_else(violation)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let segments = parse_segments(path).ok_or_else(violation)?;
        let (host, port) = match authority.split_once('}') {
            Some((name, "")) if is_placeholder(name) => (HostTemplate::Any, 0),
            Some((name, suffix)) if is_placeholder(name) && suffix.starts_with('.') => {
                let origin = Origin::parse(Scheme::Https, suffix.get(1..).unwrap_or_default());
                let origin = origin.ok_or_else(violation)?;
                (
                    HostTemplate::Below(format!(".{}", origin.host)),
                    origin.port,
                )
            }
            _ => {
                let origin = Origin::parse(Scheme::Https, authority).ok_or_else(violation)?;
                (HostTemplate::Literal(origin.host), origin.port)
            }
        };
        Ok(Self {
            host,
            port,
            segments,
        })
    }

    fn accepts(&self, origin: &Origin) -> bool {
        let host = match &self.host {
            HostTemplate::Any => return origin.scheme == Scheme::Https,
            HostTemplate::Literal(host) => origin.host == *host,
            HostTemplate::Below(suffix) => origin
                .host
                .strip_suffix(suffix.as_str())
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        };
        host && origin.scheme == Scheme::Https && origin.port == self.port
    }
}

fn is_placeholder(opened: &str) -> bool {
    opened.strip_prefix('{').is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn templates() -> Vec<BaseUrlTemplate> {
        ["https://{host}", "https://api.example.com/sites/{id}"]
            .map(|template| BaseUrlTemplate::parse(template).unwrap())
            .into()
    }

    #[test]
    fn what_is_pasted_beyond_a_template_is_cut_off() {
        for (url, found) in [
            (
                "https://api.example.com/sites/7",
                Some("https api.example.com:443 sites/7"),
            ),
            (
                " https://API.example.com/sites/7/pages?x=1#y ",
                Some("https api.example.com:443 sites/7"),
            ),
            (
                "https://site.example.net/wiki/spaces/Übersicht x",
                Some("https site.example.net:443 "),
            ),
            ("site.example.net/", Some("https site.example.net:443 ")),
            (
                "https://site.example.net:8443",
                Some("https site.example.net:8443 "),
            ),
            (
                "http://127.0.0.1:8080/sites/7/pages",
                Some("http 127.0.0.1:8080 sites/7"),
            ),
            ("http://localhost:8080", Some("http localhost:8080 ")),
            ("http://site.example.net", None),
            ("https://user@site.example.net", None),
            ("https://evil.example@127.0.0.1", None),
            ("https://site.example.net:+443", None),
            ("https://site.example.net:", None),
            ("https://127.1", None),
            ("https://0x7f000001/", None),
            ("https://2130706433/", None),
            ("https://site.example.net\\@evil.example", None),
            ("ftp://site.example.net", None),
            ("", None),
        ] {
            let base = BaseUrl::parse(url, &templates()).map(|base| {
                let Origin { scheme, host, port } = base.origin;
                let scheme = format!("{scheme:?}").to_lowercase();
                format!("{scheme} {host}:{port} {}", base.prefix.join("/"))
            });
            assert_eq!(base.as_deref(), found, "{url}");
        }
    }

    /// Hosts count requests by it: one site has one spelling.
    #[test]
    fn a_site_is_spelt_in_one_way() {
        for (url, spelt) in [
            ("https://acme.example.net", "https://acme.example.net"),
            ("https://acme.example.net/wiki", "https://acme.example.net"),
            (
                " Acme.example.net/wiki/spaces/DOCS?x#y",
                "https://acme.example.net",
            ),
            ("https://acme.example.net:443/", "https://acme.example.net"),
            (
                "https://acme.example.net:8443/",
                "https://acme.example.net:8443",
            ),
            (
                "https://api.example.com/sites/7/wiki",
                "https://api.example.com/sites/7",
            ),
            (
                "http://127.0.0.1:80/sites/7/wiki",
                "http://127.0.0.1/sites/7",
            ),
        ] {
            let base = BaseUrl::parse(url, &templates()).unwrap();
            assert_eq!(base.to_string(), spelt, "{url}");
        }
    }

    #[test]
    fn templates_name_hosts_in_three_ways() {
        let below = BaseUrlTemplate::parse("https://{site}.example.net").unwrap();
        for (url, allowed) in [
            ("https://one.example.net", true),
            ("https://one.two.example.net", false),
            ("https://example.net", false),
            ("https://one.example.net.evil.example", false),
            ("https://one.example.net:8443", false),
        ] {
            assert_eq!(
                BaseUrl::parse(url, std::slice::from_ref(&below)).is_some(),
                allowed,
                "{url}"
            );
        }
        for bad in [
            "http://{host}",
            "https://",
            "https://{}",
            "https://a@b",
            "https://{host}/../x",
            "{host}",
        ] {
            assert!(BaseUrlTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
