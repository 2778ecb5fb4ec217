//! What is new and what is updated, over time.

use anyhow::Result;
use maud::{Markup, html};

use super::facts::Facts;
use super::timeline::{NEW_DOCUMENTS, UPDATES};
use super::{parts, questions, words};

const NO_VERSIONS: &str = "No versions are known: without the stream page_versions there is no telling what is \
    new and who wrote.";

pub(super) fn section(facts: &Facts) -> Result<Markup> {
    let year = facts.year();
    let work = [NEW_DOCUMENTS, UPDATES];
    let body = html! {
        @if facts.summary.documents > 0 && facts.spread_of_all_time.is_empty() {
            (parts::nothing(NO_VERSIONS))
        }
        p {
            "In the year to " (words::long_day(facts.days.as_of)) ": "
            b { (words::things(year.new_documents.into(), "new document")) } " and "
            b { (words::things(year.updates.into(), "update")) } "."
        }
        (facts.weeks.block("The past year, by week", &work)?)
        @if let Some(history) = &facts.history {
            (history.block(&format!("From the beginning, by {}", history.unit.name()), &work)?)
        }
    };
    let title = "New documents and updates";
    Ok(parts::section(
        "activity",
        title,
        &body,
        &[questions::ACTIVITY],
    ))
}
