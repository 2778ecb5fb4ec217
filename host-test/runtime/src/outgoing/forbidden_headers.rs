//! Header fields that a guest may not set.

use http::HeaderName;
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

/// Headers that are the host's to set. A constant would be made anew for each header that is compared with it.
static FORBIDDEN: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;

/// Headers by which a server may be told another method, path or host than the request has, which the operator approved.
const OVERRIDES: [&str; 16] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-rewrite-url",
];

pub(super) fn is_forbidden(name: &HeaderName) -> bool {
    FORBIDDEN.contains(name) || OVERRIDES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_replaces_what_was_approved_of_a_request() {
        for name in OVERRIDES {
            assert!(is_forbidden(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "accept",
            "authorization",
            "content-type",
            "x-atlassian-token",
        ] {
            assert!(!is_forbidden(&HeaderName::from_static(name)), "{name}");
        }
    }
}
