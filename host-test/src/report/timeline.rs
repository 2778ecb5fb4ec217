//! Work over time, as a chart with the table under it.

use anyhow::Result;
use jiff::civil::Date;
use maud::{Markup, html};

use super::calendar::Unit;
use super::chart::{Bar, Chart};
use super::facts::{Period, Timeline};
use super::palette::Paint;
use super::{parts, words};

/// Months between two labels of an axis, from narrow to wide.
const MONTHS_APART: [i32; 9] = [1, 2, 3, 6, 12, 24, 60, 120, 240];

impl Timeline {
    /// A chart of some of a period's numbers, one upon the other, under a title.
    pub(super) fn block(
        &self,
        title: &str,
        legend: &[(Paint, &str)],
        numbers: impl Fn(&Period) -> Vec<u32>,
    ) -> Result<Markup> {
        let paints = legend.iter().map(|(paint, _)| *paint);
        let bars: Vec<_> = (0_u32..)
            .zip(&self.periods)
            .flat_map(|(place, (_, period))| stack(place, paints.clone().zip(numbers(period))))
            .collect();
        if bars.is_empty() {
            let why = "Nobody made or updated a document in this time.";
            return Ok(html! { h3 { (title) } (parts::nothing(why)) });
        }
        let chart = Chart {
            description: format!("{title}, as bars; the numbers are in the table below"),
            bars,
            places: u32::try_from(self.periods.len())?,
            labels: &|most| self.labels(most),
            suffix: "",
        };
        Ok(parts::block(title, legend, &chart.figure()?, &self.table()))
    }

    fn table(&self) -> Markup {
        let columns = [
            self.unit.heading(),
            "new documents",
            "updates",
            "people who wrote",
        ];
        let rows = self.periods.iter().rev().map(|(first_day, period)| {
            let numbers = [period.new_documents, period.updates, period.contributors];
            let numbers = numbers.map(|number| words::count(number.into()));
            (html! { (self.unit.label(*first_day)) }, numbers.to_vec())
        });
        parts::table(&columns, rows)
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

/// The parts of one bar, from the bottom up.
fn stack(place: u32, parts: impl Iterator<Item = (Paint, u32)>) -> Vec<Bar> {
    let mut bottom = 0_u32;
    let mut bars = Vec::new();
    for (paint, number) in parts.filter(|(_, number)| *number > 0) {
        let top = bottom.saturating_add(number);
        bars.push(Bar {
            along: (100 * place + 10, 100 * place + 90),
            up: (bottom, top),
            paint,
        });
        bottom = top;
    }
    bars
}
