//! What is read, and what is read though nobody has touched it for a year.

use maud::{Markup, html};

use super::facts::{Document, Facts, Summary};
use super::palette::Paint;
use super::{parts, questions, words};

pub(super) fn most_read(facts: &Facts) -> Markup {
    let body = html! {
        @if facts.most_read.is_empty() {
            (parts::nothing(why_unread(&facts.summary)))
        } @else {
            p { "Views count since a document was made." (uncounted(&facts.summary)) }
            (list(&facts.most_read))
        }
    };
    let title = "The most read documents";
    parts::section("most-read", title, &body, &[questions::MOST_READ])
}

pub(super) fn untouched(facts: &Facts) -> Markup {
    let summary = &facts.summary;
    let listed = u64::try_from(facts.untouched.len()).unwrap_or(u64::MAX);
    let body = html! {
        p {
            "Last updated before " (words::long_day(facts.days.year_ago)) ": "
            b { (words::things(summary.untouched, "document")) } " of " (words::count(summary.documents))
            ". Read all the same: " b { (words::count(summary.untouched_yet_read)) }
            @if listed < summary.untouched_yet_read { ", the most read of which are" }
            @if listed == 0 { "." } @else { ":" }
        }
        @if facts.untouched.is_empty() {
            (parts::nothing(if summary.counted == 0 { why_unread(summary) } else { "There is none." }))
        } @else {
            (list(&facts.untouched))
            p.note {
                "Confluence counts views since a document was made and doesn't say when: “yet read” means that "
                "somebody read it, not that somebody did of late."
            }
        }
    };
    let title = "Not touched for a year, yet read";
    let queries = [questions::UNTOUCHED, questions::SUMMARY];
    parts::section("untouched", title, &body, &queries)
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

/// How many documents the ranking knows nothing of.
fn uncounted(summary: &Summary) -> Markup {
    let unknown = summary.documents.saturating_sub(summary.counted);
    html! {
        @if unknown > 0 { " Of " (words::things(unknown, "document")) " they are not known." }
    }
}

fn list(documents: &[Document]) -> Markup {
    let longest = documents.iter().map(|document| document.views).max();
    let longest = longest.unwrap_or_default();
    let rows = documents.iter().map(|document| {
        let views = words::count(document.views);
        (row(document, longest), vec![views])
    });
    parts::ranking(&["document", "views"], rows.collect())
}

fn row(document: &Document, longest: u64) -> Markup {
    html! {
        (words::named(document.title.as_deref(), document.address.as_deref()))
        p.more {
            "updated " (words::day(document.updated))
            @if let Some(space) = words::known(document.space.as_deref()) { " · " bdi { (space) } }
            @if let Some(owner) = words::known(document.owner.as_deref()) { " · owned by " bdi { (owner) } }
        }
        (parts::bar(&[(Paint::Views, document.views)], longest))
    }
}
