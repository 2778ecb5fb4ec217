//! The requests that a connector declares: a method, and a path below the base URL.

use http::Method;

use crate::percent_encoding::{is_malformed, is_plain_text};
use crate::printable::printable_within;
use crate::stream::ContractViolation;

/// A method and a path. `{name}` stands for one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPattern {
    /// One of those that may be declared.
    pub method: Method,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Any,
}

/// The methods that a connector may declare. Any other token is a method too, and a server may take `trace` for TRACE, which
/// echoes the token.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Whether a request may have this method.
pub(crate) fn is_allowed_method(method: &Method) -> bool {
    METHODS.contains(method)
}

impl RequestPattern {
    pub(crate) fn parse(method: &str, path: &str) -> Result<Self, ContractViolation> {
        let violation = |what: &str| {
            let shown = printable_within(&format!("{method} {path}"), 200);
            ContractViolation(format!("the request {shown:?} {what}"))
        };
        let parsed = METHODS.into_iter().find(|known| known.as_str() == method);
        let parsed = parsed.ok_or_else(|| {
            violation("has a method other than GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")
        })?;
        let below = path.strip_prefix('/');
        let below =
            below.ok_or_else(|| violation("has a path that does not begin with a slash"))?;
        let segments = parse_segments(below).ok_or_else(|| violation("has an ambiguous path"))?;
        Ok(Self {
            method: parsed,
            segments,
        })
    }

    /// Whether a request with these segments below the base URL is one of this pattern.
    pub(crate) fn matches(&self, method: &Method, segments: &[&str]) -> bool {
        self.method == *method
            && self.segments.len() == segments.len()
            && starts_with(segments, &self.segments)
    }
}

/// The segments of a template, unless one of them is ambiguous.
pub(crate) fn parse_segments(path: &str) -> Option<Vec<Segment>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/')
        .map(|segment| match segment.strip_prefix('{') {
            Some(name) => {
                let name = name.strip_suffix('}')?;
                (!name.contains(['{', '}'])).then_some(Segment::Any)
            }
            None => (is_plain_segment(segment) && !segment.contains('}'))
                .then(|| Segment::Literal(segment.to_owned())),
        })
        .collect()
}

/// Whether the first segments are those of a template.
pub(crate) fn starts_with(segments: &[&str], template: &[Segment]) -> bool {
    segments.len() >= template.len()
        && template
            .iter()
            .zip(segments)
            .all(|(expected, segment)| match expected {
                Segment::Literal(literal) => literal == segment,
                Segment::Any => true,
            })
}

/// The segments of a path, unless a server could read it in two ways: empty segments, dots, and what is no plain text once
/// it is decoded.
pub(crate) fn split_path(path: &str) -> Option<Vec<&str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments: Vec<_> = path.split('/').collect();
    segments
        .iter()
        .all(|segment| is_plain_segment(segment))
        .then_some(segments)
}

fn is_plain_segment(segment: &str) -> bool {
    if !segment.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    // Nearly all of them, and every request has several.
    if !segment.contains(['%', '\\', ';']) {
        return !matches!(segment, "" | "." | "..");
    }
    !is_malformed(segment) && is_plain_text(segment)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_stands_for_one_segment() {
        let pattern = RequestPattern::parse("GET", "/items/{id}/tags").unwrap();
        for (method, path, allowed) in [
            (Method::GET, "/items/7/tags", true),
            (Method::GET, "/items/a%20b/tags", true),
            (Method::GET, "/items/100%25/tags", true),
            (Method::DELETE, "/items/7/tags", false),
            (Method::GET, "/items/7", false),
            (Method::GET, "/items/7/tags/", false),
            (Method::GET, "/items//tags", false),
            (Method::GET, "/items/7/8/tags", false),
            (Method::GET, "/items/../tags", false),
            (Method::GET, "/items/%2E%2e/tags", false),
            (Method::GET, "/items/7%2ftags/tags", false),
            (Method::GET, "/items/7\\8/tags", false),
            (Method::GET, "/items/..;/tags", false),
            (Method::GET, "/items/%252e%252e/tags", false),
            (Method::GET, "/items/caf%C3%A9%20%F0%9F%A6%80/tags", true),
            (Method::GET, "/items/café/tags", false),
            (Method::GET, "/items/a%0d%0aX:y/tags", false),
            (Method::GET, "/items/a%25250a/tags", false),
            (Method::GET, "/items/a%zz/tags", false),
        ] {
            let segments = split_path(path);
            let found = segments.is_some_and(|segments| pattern.matches(&method, &segments));
            assert_eq!(found, allowed, "{method} {path}");
        }
    }

    #[test]
    fn ambiguous_patterns_are_refused() {
        for (method, path) in [
            ("CONNECT", "/x"),
            ("TRACE", "/x"),
            ("trace", "/x"),
            ("Connect", "/x"),
            ("get", "/x"),
            ("PROPFIND", "/x"),
            ("GET", "x"),
            ("G T", "/x"),
            ("GET", "/x/../y"),
            ("GET", "/x//y"),
            ("GET", "/x{id}"),
            ("GET", "/{id"),
            ("GET", "/{id}{id}"),
            ("GET", "/a%0a"),
            ("GET", "/a%"),
            ("GET", "/é"),
        ] {
            assert!(
                RequestPattern::parse(method, path).is_err(),
                "{method} {path}"
            );
        }
        assert!(
            RequestPattern::parse("GET", "/")
                .unwrap()
                .segments
                .is_empty()
        );
    }
}
