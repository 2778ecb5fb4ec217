//! What is read, and what is read though nobody has touched it for a year.

use maud::{Markup, html};

use super::model::{Document, Report, Summary, ViewsAge};
use super::palette::ColorToken;
use super::{components, format, queries};

pub(super) fn most_read(report: &Report) -> Markup {
    let body = html! {
        @if report.most_read.is_empty() {
            (components::empty(why_unread(&report.summary)))
        } @else {
            p {
                "Views count since a document was made." (unknown_views(&report.summary)) (age(report.views_age))
            }
            (list(&report.most_read))
        }
    };
    let title = "The most read documents";
    let queries = [queries::MOST_READ, queries::VIEWS_AGE];
    components::section("most-read", title, &body, &queries)
}

pub(super) fn untouched(report: &Report) -> Markup {
    let summary = &report.summary;
    let listed = u64::try_from(report.untouched.len()).unwrap_or(u64::MAX);
    let body = html! {
        p {
            "Last updated before " (format::long_day(report.days.year_ago)) ": "
            b { (format::plural(summary.untouched, "document")) } " of " (format::count(summary.documents))
            ". Read all the same: " b { (format::count(summary.untouched_yet_read)) }
            @if listed < summary.untouched_yet_read { ", the most read of which are" }
            @if listed == 0 { "." } @else { ":" }
        }
        @if report.untouched.is_empty() {
            (components::empty(if summary.counted == 0 { why_unread(summary) } else { "There is none." }))
        } @else {
            (list(&report.untouched))
            p.note {
                "Confluence counts views since a document was made and does not say when: “yet read” means that "
                "somebody read it, not that somebody did recently."
            }
        }
    };
    let title = "Not touched for a year, yet read";
    let queries = [queries::UNTOUCHED, queries::SUMMARY];
    components::section("untouched", title, &body, &queries)
}

/// How old the figures are.
fn age(age: ViewsAge) -> Markup {
    html! {
        @match (age.oldest, age.newest) {
            (Some(oldest), Some(newest)) if oldest == newest => {
                " They were read on " (format::long_day(newest)) "."
            },
            (Some(oldest), Some(newest)) => {
                " The oldest figure was read on " (format::long_day(oldest)) ", the newest on "
                (format::long_day(newest)) "."
            },
            _ => {},
        }
    }
}

fn why_unread(summary: &Summary) -> &'static str {
    if summary.documents == 0 {
        "There are no documents."
    } else if summary.counted == 0 {
        "No views are known: they were not read, or the site doesn't count them."
    } else {
        "No document has a view."
    }
}

/// How many documents the ranking leaves out.
fn unknown_views(summary: &Summary) -> Markup {
    let unknown = summary.documents.saturating_sub(summary.counted);
    html! {
        @if unknown > 0 { " Of " (format::plural(unknown, "document")) " they are not known." }
    }
}

/// Ends a sentence about a list, of which the page may show a part only.
pub(super) fn listed(rows: usize, total: u64) -> Markup {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    html! {
        @if rows == 0 { "." } @else if rows < total { "; the first " (format::count(rows)) " of them:" } @else { ":" }
    }
}

/// A document with what identifies it: when it was updated, its space, and a person in their `role`.
pub(super) fn entry(document: &Document, role: &str) -> Markup {
    html! {
        (format::link(document.title.as_deref(), document.url.as_deref()))
        p.more {
            "updated " (format::day(document.updated))
            @if let Some(space) = format::visible(document.space.as_deref()) { " · " bdi { (space) } }
            @if let Some(person) = format::visible(document.person.as_deref()) {
                " · " (role) " " bdi { (person) }
            }
        }
    }
}

fn list(documents: &[Document]) -> Markup {
    let views = |document: &Document| document.views.unwrap_or(0);
    let longest = documents.iter().map(views).max().unwrap_or_default();
    let rows = documents.iter().map(|document| {
        let bar = components::bar(&[(ColorToken::Views, views(document))], longest);
        let entry = html! { (entry(document, "owned by")) (bar) };
        (entry, vec![format::count(views(document))])
    });
    components::ranking(&["document", "views"], rows.collect())
}
