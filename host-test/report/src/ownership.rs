//! Who owns the documents: those that depend on one person, and those whose people have left.

use maud::{Markup, html};

use super::model::{Departed, Document, Orphan, Report, SoloSpace};
use super::{components, documents, format, queries};

pub(super) fn section(report: &Report) -> Markup {
    let pages = &report.single_contributor_pages;
    let spaces = &report.single_contributor_spaces;
    let orphans = &report.deactivated;
    let body = html! {
        h3 { "Written by one person" }
        p {
            "With a single contributor: " b { (format::plural(pages.total, "document")) } " and "
            b { (format::plural(spaces.total, "space")) }
            (documents::listed(pages.rows.len(), pages.total, "most read"))
        }
        @if !pages.rows.is_empty() { (solo_pages(&pages.rows)) }
        @if !spaces.rows.is_empty() {
            (components::cut(spaces.rows.len(), spaces.total, "space"))
            (solo_spaces(&spaces.rows))
        }
        h3 { "Nobody left to ask" }
        p {
            "The account of the owner, or of every contributor, is deactivated: "
            b { (format::plural(orphans.total, "document")) }
            (documents::listed(orphans.rows.len(), orphans.total, "most read"))
        }
        @if !orphans.rows.is_empty() { (deactivated(&orphans.rows)) }
    };
    let queries = [
        queries::SINGLE_CONTRIBUTOR_PAGES,
        queries::SINGLE_CONTRIBUTOR_SPACES,
        queries::DEACTIVATED,
    ];
    components::section("ownership", "Ownership", &body, report.days, &queries)
}

fn solo_pages(pages: &[Document]) -> Markup {
    let rows = pages.iter().map(|page| {
        let views = page.views.map_or_else(|| "–".to_owned(), format::count);
        (documents::entry(page, "written by"), vec![views])
    });
    components::ranking(&["document", "views"], rows.collect())
}

fn solo_spaces(spaces: &[SoloSpace]) -> Markup {
    let rows = spaces.iter().map(|space| {
        let name = html! {
            (format::link(space.name.as_deref(), space.url.as_deref()))
            @if let Some(person) = format::visible(space.person.as_deref()) {
                p.more { "written by " bdi title=(person) { (person) } }
            }
        };
        (name, vec![format::count(space.documents)])
    });
    components::ranking(&["space", "documents"], rows.collect())
}

fn deactivated(orphans: &[Orphan]) -> Markup {
    let rows = orphans.iter().map(|orphan| {
        let left = match orphan.left {
            Departed::Owner => "owner",
            Departed::Contributors => "contributors",
            Departed::OwnerAndContributors => "both",
        };
        (
            documents::entry(&orphan.document, "owned by"),
            vec![left.to_owned()],
        )
    });
    components::ranking(&["document", "deactivated"], rows.collect())
}
