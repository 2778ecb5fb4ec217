//! An absolute URL, taken apart as far as a configuration and a redirect need it.

use crate::text;

/// The parts of a URL, as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    /// Before `://`.
    pub scheme: &'a str,
    /// Host and port, and credentials where there are any.
    pub authority: &'a str,
    /// From the first slash behind the authority up to the query.
    pub path: &'a str,
    /// Whether anything follows the path.
    pub more: bool,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; nothing where it is none, or not absolute.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text::split_once(text, "://")?;
        if scheme.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (main, more) = match rest.split_once(['?', '#']) {
            Some((main, _)) => (main, true),
            None => (rest, false),
        };
        let slash = main.find('/').unwrap_or(main.len());
        let (authority, path) = main.split_at_checked(slash)?;
        let url = Self {
            scheme,
            authority,
            path,
            more,
        };
        url.host_and_port().map(|_| url)
    }

    /// The host, an address of version 6 in its brackets, and the port where one is named.
    #[must_use]
    pub fn host_and_port(&self) -> Option<(&'a str, Option<u16>)> {
        let place = match self.authority.rsplit_once('@') {
            Some((_, place)) => place,
            None => self.authority,
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (place, None),
        };
        let inner = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        (!inner.is_empty() && inner.bytes().all(plain)).then_some((host, port))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, expected) in [
            ("https://a.example/x", Some(("a.example", None))),
            ("https://a.example:8443", Some(("a.example", Some(8443)))),
            ("http://[::1]:9/x?y", Some(("[::1]", Some(9)))),
            ("http://[::1]", Some(("[::1]", None))),
            ("https://user:word@a.example", Some(("a.example", None))),
            ("https://", None),
            ("https:///x", None),
            ("https://a b", None),
            ("https://a:x", None),
            ("https://a:70000", None),
            ("https://::1/", None),
            ("https://[::1/", None),
            ("://a", None),
            ("/only/a/path", None),
            ("a.example", None),
        ] {
            let found = Url::parse(text).and_then(|url| url.host_and_port());
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_crate_of_the_field(text in "https?://[a-z0-9.\\[\\]:@-]{1,12}(/[a-z?#=/]{0,8})?") {
            if let Some((host, port)) = Url::parse(&text).and_then(|url| url.host_and_port()) {
                let uri: Result<::http::Uri, _> = text.parse();
                if let Ok(uri) = uri {
                    prop_assert_eq!(uri.host(), Some(host));
                    prop_assert_eq!(uri.port_u16(), port);
                }
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = Url::parse(&text);
        }
    }
}
