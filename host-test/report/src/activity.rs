//! What is new and what is updated, over time.

use anyhow::Result;
use maud::{Markup, html};

use super::model::Report;
use super::timeline::{NEW_DOCUMENTS, UPDATES};
use super::{components, format, queries};

const NO_VERSIONS: &str = "No versions are known: without the stream page_versions there is no telling what is \
    new and who wrote.";

pub(super) fn section(report: &Report) -> Result<Markup> {
    let year = report.year();
    let work = [NEW_DOCUMENTS, UPDATES];
    let body = html! {
        @if report.summary.documents > 0 && report.distribution_of_all_time.is_empty() {
            (components::empty(NO_VERSIONS))
        }
        p {
            "In the year to " (format::long_day(report.days.as_of)) ": "
            b { (format::plural(year.new_documents.into(), "new document")) } " and "
            b { (format::plural(year.updates.into(), "update")) } "."
        }
        (report.weeks.block("The past year, by week", &work)?)
        @if let Some(history) = &report.history {
            (history.block(&format!("From the beginning, by {}", history.unit.name()), &work)?)
        }
    };
    let title = "New documents and updates";
    Ok(components::section(
        "activity",
        title,
        &body,
        report.days,
        &[queries::ACTIVITY],
    ))
}
