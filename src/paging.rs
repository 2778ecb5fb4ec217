//! One listing, page by page, by cursor.
//!
//! Only the `cursor` of a next link is used, on our own path, filters, sort and limit: the link lacks the
//! gateway's prefix, and a link that was followed could send the credentials anywhere. The end is where
//! there is no next link; a short page isn't the end, and neither is an empty one.

use std::cell::Cell;
use std::collections::HashSet;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::api::Endpoint;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::http::call::{Call, CallError};
use crate::http::classify::Problem;
use crate::http::client::{Client, Trial};
use crate::http::{Headers, Platform, Response};

/// Empty pages in a row that are followed; a site without rows has one, a filtered listing a few.
const MAX_EMPTY: u32 = 50;
/// Pages in a row that begin with the same row, under new cursors.
const MAX_SAME: u32 = 10;
/// Bytes of a cursor. Those seen hold some 60; more would not fit into a state.
const MAX_CURSOR: usize = 8 * 1024;

/// How often a listing may start again because its cursor was refused.
pub const MAX_RESTARTS: u32 = 3;

/// A listing and how far it was read.
#[derive(Debug)]
pub struct Listing {
    endpoint: Endpoint,
    page_id: String,
    /// Filters and sort, as they are sent.
    query: String,
    cursor: Option<String>,
    limit: Cell<u32>,
    seen: HashSet<Box<str>>,
    empty: u32,
    /// The first row of the page before, and how many pages began with it.
    first: (u64, u32),
    done: bool,
}

/// One page of a listing.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub rows: Vec<T>,
    /// The cursor of the page behind it; none at the end.
    pub next: Option<String>,
}

impl Listing {
    /// A listing from its start, or from a cursor.
    #[must_use]
    pub fn new(endpoint: Endpoint, query: &str, limit: u32, cursor: Option<String>) -> Self {
        Self {
            endpoint,
            page_id: String::new(),
            query: query.to_owned(),
            cursor,
            limit: Cell::new(limit),
            seen: HashSet::new(),
            empty: 0,
            first: (0, 0),
            done: false,
        }
    }

    /// A listing of what belongs to the page `id`.
    #[must_use]
    pub fn of_page(endpoint: Endpoint, id: &str, limit: u32) -> Self {
        Self {
            page_id: id.to_owned(),
            ..Self::new(endpoint, "", limit, None)
        }
    }

    /// The next page of it, or nothing behind the last one. `read` makes rows of what is on it, with the site's own
    /// address for links.
    ///
    /// # Errors
    ///
    /// Those of the call and of `read`, and
    /// [`Kind::UnexpectedResponse`](crate::error::Kind::UnexpectedResponse) where the
    /// listing leads in a circle, to nowhere, or through empty pages without end.
    pub async fn next<T, P: Platform>(
        &mut self,
        client: &Client<'_, P>,
        read: impl Fn(Fields<'_>, Option<&str>) -> Result<T>,
    ) -> Result<Option<Page<T>>, CallError> {
        if self.done {
            return Ok(None);
        }
        let response = client.call(&self.call()).await?;
        Ok(Some(self.read(&response, read)?))
    }

    /// The rows of the first page with any on it, asked without settling doubts; `probing` takes the service at its
    /// word.
    ///
    /// # Errors
    ///
    /// The problem as it is.
    pub async fn first_rows<T, P: Platform>(
        &mut self,
        client: &Client<'_, P>,
        probing: bool,
        read: impl Fn(Fields<'_>, Option<&str>) -> Result<T>,
    ) -> Result<Vec<T>, Problem> {
        while !self.done {
            let response = client
                .exchange(&self.call(), &mut Trial::new(probing))
                .await?;
            let page = self.read(&response, &read)?;
            if !page.rows.is_empty() {
                return Ok(page.rows);
            }
        }
        Ok(Vec::new())
    }

    fn call(&self) -> Call<'_> {
        let mut query = self.query.clone();
        if let Some(cursor) = &self.cursor {
            let separator = if query.is_empty() { "" } else { "&" };
            query = format!(
                "{query}{separator}cursor={}",
                utf8_percent_encode(cursor, NON_ALPHANUMERIC)
            );
        }
        Call {
            query,
            limit: Some(&self.limit),
            cursor: self.cursor.is_some(),
            ..Call::about(self.endpoint, &self.page_id)
        }
    }

    fn read<T>(
        &mut self,
        response: &Response,
        read: impl Fn(Fields<'_>, Option<&str>) -> Result<T>,
    ) -> Result<Page<T>> {
        let (rows, base) = self.unread(response)?;
        let rows = rows.into_iter().map(|row| read(row, base.as_deref()));
        let rows = rows.collect::<Result<_>>()?;
        Ok(Page {
            rows,
            next: self.cursor.clone(),
        })
    }

    /// What is on a page, and the site's own address.
    fn unread<'a>(&mut self, response: &'a Response) -> Result<(Vec<Fields<'a>>, Option<String>)> {
        let mut answer = Fields::parse(self.endpoint, &response.body)?;
        let rows = answer.objects("results")?;
        let mut links = answer.object("_links")?;
        let next = links.text("next")?;
        let next = next_cursor(next.as_deref(), &response.headers)
            .map_err(|why| Error::unexpected(self.endpoint, why))?;
        self.guard(&rows, next.as_deref())?;
        self.done = next.is_none();
        self.cursor = next;
        Ok((rows, links.text("base")?))
    }

    /// A listing must come to an end.
    fn guard(&mut self, rows: &[Fields<'_>], next: Option<&str>) -> Result<()> {
        let Some(next) = next else { return Ok(()) };
        self.empty = if rows.is_empty() { self.empty + 1 } else { 0 };
        let first = rows.first().map_or(0, Fields::fingerprint);
        let (before, times) = self.first;
        self.first = (first, if first == before { times + 1 } else { 1 });
        let why = if next.len() > MAX_CURSOR {
            "a cursor of more than 8 KiB"
        } else if self.cursor.as_deref() == Some(next) || !self.seen.insert(next.into()) {
            "a cursor that was seen before"
        } else if self.empty > MAX_EMPTY {
            "one empty page after the other"
        } else if self.first.1 > MAX_SAME && !rows.is_empty() {
            "the same rows again and again"
        } else {
            return Ok(());
        };
        Err(Error::unexpected(self.endpoint, why))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self {
            error,
            nature: crate::http::classify::Nature::Final,
            from_the_edge: false,
        }
    }
}

/// The cursor of the next page, from the body or else from the `Link` header, which says the same.
fn next_cursor(link: Option<&str>, headers: &Headers) -> Result<Option<String>, &'static str> {
    let in_header = || headers.get("link").and_then(next_in_link_header);
    match link.filter(|link| !link.is_empty()).or_else(in_header) {
        Some(link) => cursor_of(link)
            .map(Some)
            .ok_or("a next link without a cursor"),
        None => Ok(None),
    }
}

/// `</wiki/api/v2/pages?cursor=…>; rel="next", <https://…>; rel="base"` (RFC 8288).
fn next_in_link_header(header: &str) -> Option<&str> {
    header.split('<').find_map(|entry| {
        let (link, parameters) = entry.split_once('>')?;
        parameters.contains("rel=\"next\"").then_some(link)
    })
}

/// The query parameter `cursor` of a link, decoded once. It is base64 text: its padding may be raw `=`, and a
/// `+` in it is no space.
fn cursor_of(link: &str) -> Option<String> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next()?;
    let cursor = query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("cursor="))?;
    let cursor = percent_decode_str(cursor).decode_utf8().ok()?;
    (!cursor.is_empty()).then(|| cursor.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_cursor_of_a_link_is_taken() {
        for (link, expected, why) in [
            (
                "/wiki/api/v2/pages?limit=5&cursor=abc",
                Some("abc"),
                "as documented",
            ),
            (
                "/wiki/api/v2/pages?cursor=eyJ9==&depth=all&limit=100",
                Some("eyJ9=="),
                "raw padding",
            ),
            (
                "/wiki/api/v2/pages?cursor=a%2Bb%3D",
                Some("a+b="),
                "decoded once",
            ),
            (
                "/wiki/api/v2/pages?cursor=a+b",
                Some("a+b"),
                "a plus is no space",
            ),
            (
                "/wiki/api/v2/pages?cursor=a%252B",
                Some("a%2B"),
                "not decoded twice",
            ),
            (
                "http://elsewhere.example/x?cursor=abc",
                Some("abc"),
                "the host doesn't matter",
            ),
            ("/wiki/api/v2/pages?limit=5", None, "no cursor"),
            ("/wiki/api/v2/pages?cursor=", None, "an empty cursor"),
            ("/wiki/api/v2/pages", None, "no query"),
        ] {
            assert_eq!(cursor_of(link).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn the_link_header_stands_in_for_the_body() {
        let header = r#"</wiki/api/v2/pages?limit=5&cursor=t>; rel="next", <https://s.atlassian.net/wiki>; rel="base""#;
        let headers = Headers(vec![("Link".into(), header.into())]);
        assert_eq!(next_cursor(None, &headers), Ok(Some("t".into())));
        let base = Headers(vec![(
            "Link".into(),
            r#"<https://s.atlassian.net/wiki>; rel="base""#.into(),
        )]);
        assert_eq!(next_cursor(None, &base), Ok(None));
        assert_eq!(next_cursor(Some(""), &base), Ok(None));
    }

    proptest! {
        #[test]
        fn any_cursor_survives_the_way_there_and_back(cursor in "\\PC{1,60}") {
            let link = format!("/x?a=b&cursor={}&c=d", utf8_percent_encode(&cursor, NON_ALPHANUMERIC));
            prop_assert_eq!(cursor_of(&link), Some(cursor));
        }

        #[test]
        fn no_link_panics(link in "\\PC{0,80}") {
            let _ = cursor_of(&link);
            let _ = next_in_link_header(&link);
        }
    }
}
