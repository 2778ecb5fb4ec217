//! `_links`: how a listing goes on, and the address of a space or a page for a browser.

use std::borrow::Cow;

use crate::text;
use crate::wire::{FieldReader, Nested, Value, object};

/// `_links.next` of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NextLink {
    /// There is none.
    #[default]
    None,
    /// There are no links at all, not even that of the site, or the next one is an empty text.
    Unsaid,
    /// A link.
    Link(String),
    /// Something that is no link.
    Unreadable,
}

object! {
    /// `_links` of a listing, a space or a page.
    pub(super) Links<'a> {
        next: Value<'a> = "next",
        base: Value<'a> = "base",
        webui: Value<'a> = "webui",
    }
}

/// How a listing goes on, and the site's address.
pub(super) fn next_and_base(links: Nested<Links<'_>>) -> (NextLink, Option<Cow<'_, str>>) {
    match links {
        Nested::Object(links) => (next_link(links.next), links.base.into_text()),
        Nested::Missing => (NextLink::Unsaid, None),
        Nested::Other => (NextLink::Unreadable, None),
    }
}

fn next_link(next: Value<'_>) -> NextLink {
    match next {
        Value::Missing => NextLink::None,
        // An end that has no link has no such field.
        Value::Text(link) if link.is_empty() => NextLink::Unsaid,
        Value::Text(link) => NextLink::Link(link.into_owned()),
        _ => NextLink::Unreadable,
    }
}

/// The address of a space or a page for a browser: an absolute `_links.webui`, or the site's address with `/wiki`,
/// which comes with each listing, and a relative one.
pub(super) fn source_url(
    links: &Nested<Links<'_>>,
    base: Option<&str>,
    fields: &mut FieldReader,
) -> Option<String> {
    let links = match links {
        Nested::Object(links) => links,
        Nested::Missing => return None,
        Nested::Other => {
            fields.unreadable.push("source_url");
            return None;
        }
    };
    let webui = fields.text("source_url", &links.webui)?;
    if is_absolute(&webui) {
        return Some(webui);
    }
    let (base, webui) = (base?.trim_end_matches('/'), webui.trim_start_matches('/'));
    Some(format!("{base}/{webui}"))
}

/// Whether an address has a scheme and a host of its own, before any path or query.
fn is_absolute(address: &str) -> bool {
    let scheme = text::split_once(address, "://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        let mut bytes = scheme.bytes();
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}
