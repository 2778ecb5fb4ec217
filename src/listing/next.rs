//! Where a listing goes on: `_links.next` in the body, or the `Link` header (RFC 8288), which says the same.

use percent_encoding::percent_decode_str;

use crate::api::NextLink;
use crate::client::Headers;
use crate::text;
use crate::wire::BodyError;

/// The cursor of the next page, or none at the end. What might be a next link and is not understood is an error, never
/// the end.
pub(super) fn next_cursor(body: &NextLink, headers: &Headers) -> Result<Option<String>, BodyError> {
    let in_body = match body {
        NextLink::None | NextLink::Unsaid => Ok(None),
        NextLink::Link(link) => cursor_of(link)
            .map(Some)
            .ok_or("a next link without a cursor"),
        NextLink::Unreadable => Err("links that cannot be read"),
    };
    if let Ok(Some(cursor)) = in_body {
        return Ok(Some(cursor));
    }
    let lines: Vec<_> = headers.get_all("link").collect();
    match next_in_headers(&lines) {
        Ok(Some(cursor)) => Ok(Some(cursor)),
        // A header that is understood says where the end is, whatever is wrong with the body.
        Ok(None)
            if *body == NextLink::Unreadable && lines.iter().any(|line| is_of_a_listing(line)) =>
        {
            Ok(None)
        }
        Ok(None) => in_body.map_err(unexpected),
        Err(why) => Err(unexpected(why)),
    }
}

/// Whether neither body nor headers say anything of the listing: where it ends, a link to the site says that.
pub(super) fn is_end_unsaid(body: &NextLink, headers: &Headers) -> bool {
    *body == NextLink::Unsaid && !headers.get_all("link").any(is_of_a_listing)
}

/// Whether a header has a link that the service sends with a listing. Others are those of boxes in between, such as
/// what to load ahead.
fn is_of_a_listing(line: &str) -> bool {
    let leads = |relation: &str| matches!(link_to(relation, line), Ok(Some(_)));
    ["next", "base", "self", "prev", "first", "last"]
        .into_iter()
        .any(leads)
}

/// The site's address with `/wiki`, as the `Link` header says it.
pub(super) fn base_in_headers(headers: &Headers) -> Option<&str> {
    let mut lines = headers.get_all("link");
    lines.find_map(|line| link_to("base", line).ok().flatten())
}

fn unexpected(why: &str) -> BodyError {
    BodyError::Unexpected(why.to_owned())
}

fn next_in_headers(lines: &[&str]) -> Result<Option<String>, &'static str> {
    for line in lines {
        match link_to("next", line) {
            Ok(Some(target)) => {
                return cursor_of(target)
                    .map(Some)
                    .ok_or("a next link without a cursor");
            }
            Err(Malformed) if text::holds(&line.to_ascii_lowercase(), "next") => {
                return Err("a Link header that cannot be read");
            }
            Ok(None) | Err(Malformed) => {}
        }
    }
    Ok(None)
}

/// A header that is no list of links.
#[derive(Debug)]
struct Malformed;

/// The first target of this relation, if there is one.
fn link_to<'a>(relation: &str, mut header: &'a str) -> Result<Option<&'a str>, Malformed> {
    loop {
        header = header.trim_start_matches([' ', '\t', ',']);
        if header.is_empty() {
            return Ok(None);
        }
        let link = header.strip_prefix('<').ok_or(Malformed)?;
        let (target, parameters) = link.split_once('>').ok_or(Malformed)?;
        let (relations, rest) = parse_parameters(parameters).ok_or(Malformed)?;
        let mut relations = relations.split_ascii_whitespace();
        if relations.any(|name| is_relation(name, relation)) {
            return Ok(Some(target.trim()));
        }
        header = rest;
    }
}

/// Whether this is the name of a relation: in any case, and in single quotes or with the backslashes of a quoted text.
fn is_relation(name: &str, relation: &str) -> bool {
    let is_plain = |byte: &u8| !matches!(byte, b'\\' | b'\'');
    let plain = name.bytes().filter(is_plain);
    plain
        .map(|byte| byte.to_ascii_lowercase())
        .eq(relation.bytes())
}

/// The relations that the parameters of one link name, and what follows them.
fn parse_parameters(mut rest: &str) -> Option<(&str, &str)> {
    let mut relations: Option<&str> = None;
    loop {
        rest = rest.trim_start();
        let Some(parameter) = rest.strip_prefix(';') else {
            let ended = rest.is_empty() || rest.starts_with(',');
            return ended.then_some((relations.unwrap_or_default(), rest));
        };
        let parameter = parameter.trim_start();
        let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
        let (name, after) = parameter.split_at_checked(end)?;
        let (value, after) = match after.strip_prefix('=') {
            Some(value) => parse_value(value.trim_start())?,
            None => ("", after),
        };
        rest = after;
        // Of several parameters of this name in one link, the first one counts.
        if name.trim_end().eq_ignore_ascii_case("rel") {
            relations = relations.or(Some(value));
        }
    }
}

/// A token or a quoted text, and what follows it.
fn parse_value(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut is_escaped = false;
        let end = quoted.find(|character| {
            let ends = character == '"' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            ends
        })?;
        let (value, rest) = quoted.split_at_checked(end)?;
        return Some((value, rest.strip_prefix('"')?));
    }
    let end = text.find([';', ',']).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end)?;
    Some((value.trim_end(), rest))
}

/// The query parameter `cursor` of a link, decoded once. It is base64 text: its padding may be raw `=`, and a `+` in it
/// is no space.
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
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> Headers {
        let lines = lines
            .iter()
            .map(|line| ("Link".to_owned(), (*line).to_owned()));
        Headers(lines.collect())
    }

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
                "the host does not matter",
            ),
            ("/wiki/api/v2/pages?limit=5", None, "no cursor"),
            ("/wiki/api/v2/pages?cursor=", None, "an empty cursor"),
            ("/wiki/api/v2/pages", None, "no query"),
        ] {
            assert_eq!(cursor_of(link).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn the_link_header_is_read_in_every_legal_form() {
        for (lines, expected, why) in [
            (
                &[
                    r#"</wiki/api/v2/pages?limit=5&cursor=t>; rel="next", <https://s.atlassian.net/wiki>; rel="base""#,
                ][..],
                Some("t"),
                "as documented",
            ),
            (
                &[
                    r#"<https://s.example/wiki>; rel="base""#,
                    r#"</x?cursor=t>; rel="next""#,
                ],
                Some("t"),
                "two lines",
            ),
            (&["</x?cursor=t>; rel=next"], Some("t"), "no quotes"),
            (&["</x?cursor=t>;rel=NEXT"], Some("t"), "any case"),
            (&["</x?cursor=t>; rel='next'"], Some("t"), "single quotes"),
            (
                &[r#"</x?cursor=t>; rel="n\ext""#],
                Some("t"),
                "a quoted pair",
            ),
            (
                &["</x?cursor=t>; rel = \"next\""],
                Some("t"),
                "blanks round the sign",
            ),
            (
                &[r#"</x?cursor=t>; title="a, b; c"; rel="prefetch next""#],
                Some("t"),
                "several relations",
            ),
            (
                &[r#"</x?cursor=a,b>; rel="next""#],
                Some("a,b"),
                "a comma in the target",
            ),
            (
                &[r#"</p>; rel="prev", </x?cursor=t>; rel="next""#],
                Some("t"),
                "not the first link",
            ),
            (&[", </x?cursor=t>; rel=next,"], Some("t"), "empty elements"),
            (
                &[r#"</x?cursor=t>; rel="base"; rel="next""#],
                None,
                "the first relation counts",
            ),
            (
                &[r#"</x?cursor=t>; rel="nextpage""#],
                None,
                "another relation",
            ),
            (
                &[r#"<https://s.example/wiki>; rel="base""#],
                None,
                "no next link",
            ),
            (
                &[r#"</x?cursor=t>; title="a \"b\" ; c"; rel="next""#],
                Some("t"),
                "quotes within a quoted text",
            ),
            (&[""], None, "empty"),
            (&[], None, "no header"),
        ] {
            let next = next_cursor(&NextLink::None, &headers(lines));
            assert_eq!(next, Ok(expected.map(str::to_owned)), "{why}");
        }
    }

    #[test]
    fn links_that_are_not_those_of_a_listing_say_no_end() {
        for (line, said) in [
            (r#"<https://s.example/wiki>; rel="base""#, true),
            ("</x>; rel=self", true),
            ("</x.css>; rel=preload", false),
            ("<https://x.example>; rel=\"preconnect\"", false),
            ("</policy>; rel=\"sunset deprecation\"", false),
            ("</x>", false),
            ("garbage", false),
            (" ", false),
        ] {
            let unsaid = is_end_unsaid(&NextLink::Unsaid, &headers(&[line]));
            assert_eq!(unsaid, !said, "{line}");
            let end = next_cursor(&NextLink::Unreadable, &headers(&[line]));
            assert_eq!(end.is_ok(), said, "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_never_the_end() {
        let link = |link: &str| NextLink::Link(link.to_owned());
        let next = r#"</x?cursor=t>; rel="next""#;
        for (body, lines, why) in [
            (link("/x?limit=5"), &[][..], "a link without a cursor"),
            (NextLink::Unreadable, &[], "something that is no link"),
            (
                NextLink::None,
                &["</x?limit=5>; rel=next"],
                "a header without a cursor",
            ),
            (
                NextLink::None,
                &["/x?cursor=t; rel=next"],
                "a header without brackets",
            ),
            (
                NextLink::None,
                &["</x?cursor=t>; rel=\"next"],
                "a quote that does not end",
            ),
        ] {
            assert!(next_cursor(&body, &headers(lines)).is_err(), "{why}");
        }
        let cursor = Ok(Some("t".to_owned()));
        assert_eq!(
            next_cursor(&NextLink::Unreadable, &headers(&[next])),
            cursor
        );
        assert_eq!(next_cursor(&link("/x?limit=5"), &headers(&[next])), cursor);
        assert_eq!(
            next_cursor(&link("/x?cursor=t"), &headers(&["next"])),
            cursor
        );
        let base = headers(&[r#"<https://s.example/wiki>; rel="base""#]);
        assert_eq!(next_cursor(&NextLink::Unreadable, &base), Ok(None));
    }

    #[test]
    fn the_site_is_named_by_the_link_header_too() {
        for (lines, expected) in [
            (
                &[r#"</x?cursor=t>; rel="next", <https://s.example/wiki>; rel="base""#][..],
                Some("https://s.example/wiki"),
            ),
            (
                &[
                    "</x?cursor=t>; rel=next",
                    "<https://s.example/wiki>; rel=base",
                ],
                Some("https://s.example/wiki"),
            ),
            (&["</x?cursor=t>; rel=next"], None),
            (&["base"], None),
        ] {
            assert_eq!(base_in_headers(&headers(lines)), expected, "{lines:?}");
        }
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
            let _ = link_to("next", &link);
        }
    }
}
