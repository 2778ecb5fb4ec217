//! Work over time, as a chart with the table under it.

use anyhow::Result;
use jiff::civil::Date;
use maud::{Markup, html};

use super::calendar::Unit;
use super::chart::{Bar, Chart};
use super::model::{Period, Timeline};
use super::palette::ColorToken;
use super::{components, format};

/// Months between two labels of an axis, from narrow to wide.
const MONTHS_APART: [i32; 9] = [1, 2, 3, 6, 12, 24, 60, 120, 240];

/// What is counted: its color, its name, and where its number is.
pub(super) type Counted = (ColorToken, &'static str, fn(&Period) -> u32);

pub(super) const NEW_DOCUMENTS: Counted = (ColorToken::New, "new documents", |period| {
    period.new_documents
});
pub(super) const UPDATES: Counted = (ColorToken::Update, "updates", |period| period.updates);
pub(super) const CONTRIBUTORS: Counted = (ColorToken::People, "contributors", |period| {
    period.contributors
});

impl Timeline {
    /// A chart for each thing that is counted, on a scale of its own: there are far more updates than new
    /// documents.
    pub(super) fn block(&self, title: &str, things: &[Counted]) -> Result<Markup> {
        let quiet = Period::default();
        if self.periods.iter().all(|(_, period)| *period == quiet) {
            let nothing = components::empty("Nobody wrote in this time.");
            return Ok(html! { h3 { (title) } (nothing) });
        }
        let charts = things.iter().map(|counted| self.chart(title, *counted));
        let charts = charts.collect::<Result<Vec<_>>>()?;
        let charts = html! { @for chart in charts { (chart) } };
        Ok(components::block(title, &charts, &self.table()))
    }

    fn chart(&self, title: &str, (color, name, number): Counted) -> Result<Markup> {
        let bars = (0_u32..)
            .zip(&self.periods)
            .map(|(place, (_, period))| Bar {
                along: (100 * place + 10, 100 * place + 90),
                height: number(period),
                color,
            })
            .filter(|bar| bar.height > 0)
            .collect::<Vec<_>>();
        if bars.is_empty() {
            return Ok(components::empty(&format!(
                "There are no {name} in this time."
            )));
        }
        let chart = Chart {
            description: format!("{title}: {name}, as bars; the numbers are in the table below"),
            bars,
            places: u32::try_from(self.periods.len())?,
            labels: &|most| self.labels(most),
            suffix: "",
        };
        Ok(html! { (components::legend(&[(color, name)])) (chart.figure()?) })
    }

    fn table(&self) -> Markup {
        let columns = [
            self.unit.heading(),
            "new documents",
            "updates",
            "contributors",
        ];
        let rows = self.periods.iter().rev().map(|(first_day, period)| {
            let numbers = [period.new_documents, period.updates, period.contributors];
            let numbers = numbers.map(|number| format::count(number.into()));
            (html! { (self.unit.label(*first_day)) }, numbers.to_vec())
        });
        components::table(&columns, rows)
    }

    /// Years and, where there is room for more, months between them, no more than so many.
    fn labels(&self, most: usize) -> Vec<(u32, String)> {
        let mut labels = Vec::new();
        for apart in MONTHS_APART {
            labels = (0_u32..)
                .zip(&self.periods)
                .filter(|(_, (first_day, _))| begins_months(*first_day, apart))
                .map(|(place, (first_day, _))| (place, label(*first_day)))
                .collect();
            if labels.len() <= most {
                break;
            }
        }
        labels
    }
}

impl Unit {
    fn heading(self) -> &'static str {
        match self {
            Self::Week => "week from",
            Self::Month | Self::Quarter | Self::Year => self.name(),
        }
    }
}

/// Whether the period is the first of a month, and that month one of those so many apart.
fn begins_months(first_day: Date, apart: i32) -> bool {
    let month = i32::from(first_day.year()) * 12 + i32::from(first_day.month()) - 1;
    first_day.day() <= 7 && month % apart == 0
}

fn label(first_day: Date) -> String {
    let format = if first_day.month() == 1 { "%Y" } else { "%b" };
    first_day.strftime(format).to_string()
}
