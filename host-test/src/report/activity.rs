//! What is new and what is updated, over time.

use anyhow::Result;
use maud::{Markup, html};

use super::facts::{Facts, Period};
use super::palette::Paint;
use super::{parts, questions, words};

const LEGEND: [(Paint, &str); 2] = [(Paint::New, "new documents"), (Paint::Update, "updates")];

pub(super) fn section(facts: &Facts) -> Result<Markup> {
    let year = facts.year();
    let work = |period: &Period| vec![period.new_documents, period.updates];
    let body = html! {
        p {
            "In the year to " (words::long_day(facts.days.as_of)) ": "
            b { (words::things(year.new_documents.into(), "new document")) } " and "
            b { (words::things(year.updates.into(), "update")) } "."
        }
        (facts.weeks.block("The past year, by week", &LEGEND, work)?)
        @if let Some(history) = &facts.history {
            (history.block(&format!("From the beginning, by {}", history.unit.name()), &LEGEND, work)?)
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
