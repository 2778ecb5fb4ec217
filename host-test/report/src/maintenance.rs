//! What needs attention: documents that nobody reads, that have no label, or that change all the time.

use maud::{Markup, html};

use super::model::{Churn, Document, Labels, Listing, Report};
use super::{components, documents, format, queries};

pub(super) fn section(report: &Report) -> Markup {
    let body = html! {
        (never_read(report))
        (labels(&report.labels))
        (churn(&report.churn))
    };
    let queries = [queries::NEVER_READ, queries::LABELS, queries::CHURN];
    components::section("maintenance", "Maintenance", &body, report.days, &queries)
}

fn never_read(report: &Report) -> Markup {
    let never_read = &report.never_read;
    html! {
        h3 { "Never read" }
        @if report.summary.counted == 0 {
            (components::empty("No views are known: they were not read, or the site doesn't count them."))
        } @else {
            p {
                "Older than a year and without a view: "
                b { (format::plural(never_read.total, "document")) } ", candidates for the archive"
                (documents::listed(never_read.rows.len(), never_read.total, "least recently updated"))
            }
            @if !never_read.rows.is_empty() { (unread(&never_read.rows)) }
        }
    }
}

fn unread(documents: &[Document]) -> Markup {
    let rows = documents.iter().map(|document| {
        let updated = format::day(document.updated);
        (
            documents::entry_without_day(document, "owned by"),
            vec![updated],
        )
    });
    components::ranking(&["document", "updated"], rows.collect())
}

fn labels(labels: &Labels) -> Markup {
    let Labels {
        documents,
        unlabeled,
        ref spaces,
    } = *labels;
    let rows = spaces.rows.iter().map(|space| {
        let numbers = [space.documents, space.unlabeled].map(format::count);
        let name = format::link(space.name.as_deref(), space.url.as_deref());
        (name, numbers.to_vec())
    });
    html! {
        h3 { "Without a label" }
        @if documents > 0 && unlabeled == documents {
            (components::empty("No labels are known: they were not read, or nobody uses them."))
        } @else {
            p { b { (format::plural(unlabeled, "document")) } " of " (format::count(documents)) "." }
            @if unlabeled > 0 {
                (components::cut(spaces.rows.len(), spaces.total, "space"))
                (components::table(&["space", "documents", "without a label"], rows))
            }
        }
    }
}

fn churn(documents: &Listing<Churn>) -> Markup {
    let rows = documents.rows.iter().map(|document| {
        let month = document.month.map(|month| month.strftime("%B %Y").to_string());
        let entry = html! {
            (format::link(document.title.as_deref(), document.url.as_deref()))
            p.more {
                @if let Some(month) = month { (month) " · " }
                "by " (format::people(document.contributors))
                @if let Some(space) = format::visible(document.space.as_deref()) { " · " bdi title=(space) { (space) } }
            }
        };
        (entry, vec![format::count(document.versions)])
    });
    html! {
        h3 { "Changed most often within a month of the past year" }
        @if documents.rows.is_empty() {
            (components::empty("No document changed twice within a month."))
        } @else {
            (components::cut(documents.rows.len(), documents.total, "document"))
            (components::ranking(&["document", "versions"], rows.collect()))
        }
    }
}
