//! What is read, and what is read though nobody has touched it for a year.

use maud::{Markup, html};

use super::model::{Document, Report, Summary, ViewsAge, ViewsGained};
use super::palette::ColorToken;
use super::{components, format, queries};

pub(super) fn most_read(report: &Report) -> Markup {
    let body = html! {
        @if report.most_read.rows.is_empty() {
            (components::empty(why_unread(&report.summary)))
        } @else {
            p {
                "Views count since a document was made." (unknown_views(&report.summary)) (age(report.views_age))
            }
            (components::cut(report.most_read.rows.len(), report.most_read.total, "document"))
            (list(&report.most_read.rows))
            (gained(report.views_gained.as_ref()))
        }
    };
    let title = "The most read documents";
    let queries = [
        queries::MOST_READ,
        queries::VIEWS_AGE,
        queries::VIEWS_GAINED,
        queries::KEEP_VIEWS,
    ];
    components::section("most-read", title, &body, report.days, &queries)
}

pub(super) fn untouched(report: &Report) -> Markup {
    let summary = &report.summary;
    let listed = u64::try_from(report.untouched.rows.len()).unwrap_or(u64::MAX);
    let body = html! {
        p {
            "Last updated before " (format::long_day(report.days.year_ago)) ": "
            b { (format::plural(summary.untouched, "document")) } " of " (format::count(summary.documents))
            @if summary.counted > 0 {
                ". Read all the same: " b { (format::count(summary.untouched_yet_read)) }
            }
            @if listed < summary.untouched_yet_read { ", the most read of which are" }
            @if listed == 0 { "." } @else { ":" }
        }
        @if report.untouched.rows.is_empty() {
            (components::empty(if summary.counted == 0 { why_unread(summary) } else { "There is none." }))
        } @else {
            (list(&report.untouched.rows))
            p.note {
                "Confluence counts views since a document was made and does not say when: “yet read” means that "
                "somebody read it, not that somebody did recently."
            }
        }
    };
    let title = "Not touched for a year, yet read";
    let queries = [queries::UNTOUCHED, queries::SUMMARY];
    components::section("untouched", title, &body, report.days, &queries)
}

/// What was read since the figures that were kept last.
fn gained(gained: Option<&ViewsGained>) -> Markup {
    html! {
        @match gained {
            None => {
                p.note.advice {
                    "To see here what was read since the last report, keep the figures of each: the SQL below shows how."
                }
            },
            Some(gained) => {
                h3 { "Read since the figures were kept last" }
                p {
                    b { (format::plural(gained.views, "view")) } " came"
                    @if let Some(since) = gained.since { " since " (format::long_day(since)) }
                    @if gained.documents.rows.is_empty() { "." } @else { "; the documents with most of them:" }
                }
                @if !gained.documents.rows.is_empty() {
                    (components::cut(gained.documents.rows.len(), gained.documents.total, "document"))
                    (list(&gained.documents.rows))
                }
            },
        }
    }
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

/// Ends a sentence about a list, of which the page may show a part only: those `first` in its order.
pub(super) fn listed(rows: usize, total: u64, first: &str) -> Markup {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    html! {
        @if rows == 0 { "." } @else if rows < total { "; the " (format::count(rows)) " " (first) " of them:" } @else { ":" }
    }
}

/// A document with what identifies it: when it was updated, its space, and a person in their `role`.
pub(super) fn entry(document: &Document, role: &str) -> Markup {
    let updated = html! { "updated " (format::day(document.updated)) };
    identified(
        document,
        [Some(updated), space(document), person(document, role)],
    )
}

/// The same for a list that has a column for the day of the update.
pub(super) fn entry_without_day(document: &Document, role: &str) -> Markup {
    identified(document, [space(document), person(document, role), None])
}

fn identified(document: &Document, facts: [Option<Markup>; 3]) -> Markup {
    html! {
        (format::link(document.title.as_deref(), document.url.as_deref()))
        p.more {
            @for (place, fact) in facts.into_iter().flatten().enumerate() {
                @if place > 0 { " · " }
                (fact)
            }
        }
    }
}

fn space(document: &Document) -> Option<Markup> {
    format::visible(document.space.as_deref()).map(|space| html! { bdi title=(space) { (space) } })
}

fn person(document: &Document, role: &str) -> Option<Markup> {
    let person = format::visible(document.person.as_deref());
    person.map(|person| html! { (role) " " bdi title=(person) { (person) } })
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
