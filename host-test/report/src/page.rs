//! The page: its head, what it begins with, and the sections one after the other.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::model::{FirstRead, Report};
use super::{
    accounts, activity, documents, format, maintenance, ownership, palette, people, spaces,
};

const STYLE: &str = include_str!("page.css");

/// Nothing may be loaded and nothing may run, whatever gets into the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
pub(super) fn page(report: &Report) -> Result<Markup> {
    let site = report.summary.any_url.as_deref().and_then(format::host);
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "Documentation report" @if let Some(site) = &site { ": " (site) } }
                style { (PreEscaped(palette::style())) (PreEscaped(STYLE)) }
            }
            body {
                (header(report, site.as_deref()))
                main {
                    (activity::section(report)?)
                    (people::section(report)?)
                    (documents::most_read(report))
                    (documents::untouched(report))
                    (spaces::section(report))
                    (ownership::section(report))
                    (maintenance::section(report))
                    (accounts::section(report))
                }
                (footer())
            }
        }
    })
}

fn header(report: &Report, site: Option<&str>) -> Markup {
    html! {
        header {
            h1 { "Documentation report" }
            p {
                @if let Some(site) = site { (site) " · " }
                "as of " time datetime=(report.days.as_of) { (format::long_day(report.days.as_of)) }
                @match report.summary.newest {
                    Some(newest) => {
                        "; the newest update in the data is of "
                        time datetime=(newest) { (format::long_day(newest)) }
                    },
                    None => { "; there are no documents in the data" },
                }
            }
            @if report.first_read == FirstRead::Partly {
                p { strong { "The site is not read to its end yet: all figures are of what was read so far." } }
            }
            (tiles(report))
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let (summary, year) = (&report.summary, report.year());
    let of_views = |number| match summary.counted {
        0 => "–".to_owned(),
        _ => format::count(number),
    };
    let tiles = [
        (
            noun(summary.documents, "document", ""),
            format::count(summary.documents),
        ),
        (
            "new in the past year".to_owned(),
            format::count(year.new_documents.into()),
        ),
        (
            noun(year.updates.into(), "update", " in the past year"),
            format::count(year.updates.into()),
        ),
        (
            noun(year.contributors.into(), "contributor", " in the past year"),
            format::count(year.contributors.into()),
        ),
        (
            noun(summary.views, "view", " of all time"),
            of_views(summary.views),
        ),
        (
            "not touched for a year, yet read".to_owned(),
            of_views(summary.untouched_yet_read),
        ),
    ];
    html! {
        dl.tiles {
            @for (name, number) in tiles { div { dt { (name) } dd { (number) } } }
        }
    }
}

/// What a tile's number counts.
fn noun(number: u64, thing: &str, rest: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{thing}{ending}{rest}")
}

fn footer() -> Markup {
    html! {
        footer {
            h2 { "How to read this" }
            ul {
                li {
                    "Documents are pages that are current or archived, not those in the trash, as they were when "
                    "the data was read last."
                }
                li {
                    "A document's first version makes it new; each later one is an update, minor edits too. The "
                    "first and the last of the periods in a chart may not be whole."
                }
                li {
                    "Contributors are accounts, those of apps too; “Accounts” below the lists tells people and apps apart."
                }
                li {
                    "The past year is the one up to the day of the report. “Not touched for a year” is said of "
                    "documents without an update in it; labels, comments and moves are no updates."
                }
                li {
                    "Each section shows its SQL, with this report's dates in it, as it runs in the program "
                    code { "sqlite3" } " on the file. In PostgreSQL and DuckDB put "
                    code { "date_trunc('week', …)" } " and " code { "date_trunc('month', …)" } " in place of "
                    code { "date(…)" } ". What is shown of all time comes from the same queries with an earlier date."
                }
            }
        }
    }
}
