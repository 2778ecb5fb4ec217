//! What the sections of the page are put together from.

use maud::{Markup, PreEscaped, html};

use super::calendar::Days;
use super::palette::ColorToken;
use super::{format, queries};

/// A section with its heading and, at its end, the SQL that it was made by.
pub(super) fn section(
    id: &str,
    title: &str,
    body: &Markup,
    days: Days,
    queries: &[&str],
) -> Markup {
    html! {
        section id=(id) {
            h2 { (title) }
            (body)
            details.sql {
                summary { "The SQL of this section" }
                @for query in queries { pre tabindex="0" { code { (queries::shown(query, days)) } } }
            }
        }
    }
}

/// Charts under their title, with the same numbers as a table below.
pub(super) fn block(title: &str, charts: &Markup, table: &Markup) -> Markup {
    html! {
        figure {
            figcaption { h3 { (title) } }
            (charts)
            details { summary { "The numbers" } (table) }
        }
    }
}

/// What the colors mean.
pub(super) fn legend(entries: &[(ColorToken, &str)]) -> Markup {
    html! {
        p.key {
            @for (color, meaning) in entries {
                span { i style=(fill(*color)) {} (meaning) } " "
            }
        }
    }
}

/// A table whose first column is words and whose others are numbers; it scrolls by itself where it is too wide.
pub(super) fn table(columns: &[&str], rows: impl Iterator<Item = (Markup, Vec<String>)>) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label={ "Table: " (columns.join(", ")) } {
            table {
                (head(columns))
                (body(rows))
            }
        }
    }
}

/// Rows of a ranking that are seen at once.
const FIRST: usize = 10;

/// A ranking: tables whose first column has a bar under its words; what comes after the first is folded away.
pub(super) fn ranking(columns: &[&str], rows: Vec<(Markup, Vec<String>)>) -> Markup {
    let more = rows.len().saturating_sub(FIRST);
    let mut rows = rows.into_iter();
    html! {
        table.ranking { (head(columns)) (body(rows.by_ref().take(FIRST))) }
        @if more > 0 {
            details.rest {
                summary { (more) " more" }
                table.ranking { (head(columns)) (body(rows)) }
            }
        }
    }
}

fn head(columns: &[&str]) -> Markup {
    html! { thead { tr { @for column in columns { th scope="col" { (column) } } } } }
}

fn body(rows: impl Iterator<Item = (Markup, Vec<String>)>) -> Markup {
    html! {
        tbody {
            @for (head, numbers) in rows {
                tr {
                    th scope="row" { (head) }
                    @for number in numbers { td { (number) } }
                }
            }
        }
    }
}

/// A bar across a row: its parts, each a share of the longest row's whole.
pub(super) fn bar(parts: &[(ColorToken, u64)], longest: u64) -> Markup {
    html! {
        div.bar aria-hidden="true" {
            @for (color, part) in parts.iter().filter(|(_, part)| *part > 0) {
                i style={ (fill(*color)) ";width:" (format::percent(*part, longest)) } {}
            }
        }
    }
}

/// Above a list that is cut: how much of all it shows.
pub(super) fn cut(rows: usize, total: u64, thing: &str) -> Markup {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    html! {
        @if rows < total {
            p.note { "Listed: " (format::count(rows)) " of " (format::plural(total, thing)) "." }
        }
    }
}

/// In place of a chart or a list that would be empty.
pub(super) fn empty(why: &str) -> Markup {
    html! { p.nothing { (why) } }
}

fn fill(color: ColorToken) -> PreEscaped<String> {
    PreEscaped(format!("background:var(--{})", color.name()))
}
