//! How numbers, days, names and links are written.

use std::borrow::Cow;

use jiff::civil::Date;
use maud::{Markup, html};

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things; the word gets an s.
pub(super) fn plural(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{} {thing}s", count(number)),
    }
}

/// A number of people.
pub(super) fn people(number: u64) -> String {
    match number {
        1 => "1 person".to_owned(),
        _ => format!("{} people", count(number)),
    }
}

/// A day as people write it.
pub(super) fn long_day(day: Date) -> String {
    day.strftime("%-d %B %Y").to_string()
}

/// A day, or a dash where there is none.
pub(super) fn day(day: Option<Date>) -> String {
    day.map_or_else(|| "–".to_owned(), |day| day.to_string())
}

/// A share in percent, to one decimal, as a style sheet wants it.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let permille = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{}%", permille / 10, permille % 10)
}

/// Somebody's or something's name, in a direction of its own, as a link where the url is one of the web.
///
/// Names and addresses are written by others: an url with any other scheme, such as `javascript:`, is none.
pub(super) fn link(name: Option<&str>, url: Option<&str>) -> Markup {
    let name = html! {
        @match visible(name) {
            Some(name) => { bdi title=(name) { (name) } },
            None => { i { "untitled" } },
        }
    };
    match url.filter(|url| is_web_url(url) && !url.contains(is_deceptive)) {
        Some(url) => html! { a href=(url) rel="noopener noreferrer" { (name) } },
        None => name,
    }
}

/// A name that can be seen, with escapes such as `\u{202e}` for characters that would show something else than it says.
pub(super) fn visible(name: Option<&str>) -> Option<Cow<'_, str>> {
    let name = name.filter(|name| !name.chars().all(is_blank))?;
    if !name.contains(is_deceptive) {
        return Some(name.into());
    }
    let mut shown = String::new();
    for character in name.chars() {
        if is_deceptive(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Some(shown.into())
}

/// Control characters but for white space, and those of direction: Unicode's `Bidi_Control`.
fn is_deceptive(character: char) -> bool {
    character.is_control() && !character.is_whitespace()
        || matches!(
            character,
            '\u{85}' | '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Whether a character leaves no ink: white space, or one that Unicode ignores in display.
fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
        )
}

fn is_web_url(url: &str) -> bool {
    let begins = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("https://") || begins("http://")
}

/// The host of an url.
pub(super) fn host(url: &str) -> Option<String> {
    let url: http::Uri = url.parse().ok()?;
    url.host().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
            (12_345, "12,345"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(plural(1, "document"), "1 document");
        assert_eq!(plural(2000, "document"), "2,000 documents");
        assert_eq!(people(1), "1 person");
    }

    #[test]
    fn a_share_is_a_percentage_of_css() {
        for (part, whole, text) in [
            (0, 0, "0.0%"),
            (1, 3, "33.3%"),
            (3, 3, "100.0%"),
            (u64::MAX, u64::MAX, "100.0%"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }

    #[test]
    fn only_the_web_is_linked_and_all_text_is_escaped() {
        for (name, url, html) in [
            (
                "A",
                "https://a.example/?b&c",
                "<a href=\"https://a.example/?b&amp;c\" rel=\"noopener noreferrer\"><bdi title=\"A\">A</bdi></a>",
            ),
            (
                "A",
                "HTTP://a.example",
                "<a href=\"HTTP://a.example\" rel=\"noopener noreferrer\"><bdi title=\"A\">A</bdi></a>",
            ),
            ("A", "javascript:alert(1)", "<bdi title=\"A\">A</bdi>"),
            ("A", " https://a.example", "<bdi title=\"A\">A</bdi>"),
            ("A", "データ", "<bdi title=\"A\">A</bdi>"),
            (
                "<script>alert('&\")</script>",
                "",
                "<bdi title=\"&lt;script&gt;alert('&amp;&quot;)&lt;/script&gt;\">&lt;script&gt;alert('&amp;&quot;)&lt;/script&gt;</bdi>",
            ),
            (
                "a\u{1b}[2J\u{9b}\u{202e}gpj",
                "https://a.example/\u{202e}",
                "<bdi title=\"a\\u{1b}[2J\\u{9b}\\u{202e}gpj\">a\\u{1b}[2J\\u{9b}\\u{202e}gpj</bdi>",
            ),
            ("❤\u{fe0f}", "", "<bdi title=\"❤\u{fe0f}\">❤\u{fe0f}</bdi>"),
            (" ", "", "<i>untitled</i>"),
            ("\u{200b}\u{200b}", "", "<i>untitled</i>"),
            ("\u{feff} \u{2060}\n", "", "<i>untitled</i>"),
        ] {
            assert_eq!(link(Some(name), Some(url)).into_string(), html);
        }
    }
}
