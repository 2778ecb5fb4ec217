//! Bars in SVG, drawn twice: for a phone and for a wide window, so that the labels of both can be read.
//!
//! Whoever looks sees the one that fits; the style sheet hides the other. Nothing of the data but numbers and
//! names of periods gets into a chart.

use std::collections::BTreeMap;

use anyhow::Result;
use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::format;
use super::palette::ColorToken;

/// Width and height of a chart on a phone.
const NARROW: (u32, u32) = (368, 180);
/// Width and height of a chart elsewhere.
const WIDE: (u32, u32) = (800, 200);
const FONT: u32 = 16;
/// Width of a digit of that font, and of what stands between numbers and axis.
const DIGIT: u32 = 9;
const GAP: u32 = 14;
/// Room for a thousand, so that charts below each other begin at the same place.
const FEWEST_DIGITS: u32 = 5;

/// A bar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// From where to where along the axis, in hundredths of a place.
    pub(super) along: (u32, u32),
    pub(super) height: u32,
    pub(super) color: ColorToken,
}

/// A chart before it has a size.
pub(super) struct Chart<'a> {
    /// What it shows, for those who can't see it.
    pub(super) description: String,
    pub(super) bars: Vec<Bar>,
    /// How many places the axis has.
    pub(super) places: u32,
    /// Names of places, no more than so many.
    pub(super) labels: &'a dyn Fn(usize) -> Vec<(u32, String)>,
    /// What follows the numbers beside the axis.
    pub(super) suffix: &'static str,
}

impl Chart<'_> {
    /// The chart in both sizes.
    pub(super) fn figure(&self) -> Result<Markup> {
        let (narrow, wide) = (self.draw(NARROW, 7)?, self.draw(WIDE, 13)?);
        Ok(html! {
            div.narrow role="img" aria-label=(self.description) { (PreEscaped(narrow)) }
            div.wide role="img" aria-label=(self.description) { (PreEscaped(wide)) }
        })
    }

    fn draw(&self, size: (u32, u32), most_labels: usize) -> Result<String> {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        self.draw_on(&area, most_labels)?;
        area.present()?;
        drop(area);
        Ok(svg)
    }

    fn draw_on(&self, area: &DrawingArea<SVGBackend<'_>, Shift>, most_labels: usize) -> Result<()> {
        let steps = steps(self.bars.iter().map(|bar| bar.height).max().unwrap_or(0));
        let top = steps.last().copied().unwrap_or(1);
        let number = |value: &u32| format!("{}{}", format::count(u64::from(*value)), self.suffix);
        let digits = u32::try_from(number(&top).len())?.max(FEWEST_DIGITS);
        let labels: BTreeMap<u32, String> = (self.labels)(most_labels)
            .into_iter()
            .map(|(place, name)| (100 * place + 50, name))
            .collect();
        let mut chart = ChartBuilder::on(area)
            .margin_top(12)
            .margin_right(16)
            .x_label_area_size(26)
            .y_label_area_size(GAP + DIGIT * digits)
            .build_cartesian_2d(
                (0..100 * self.places).with_key_points(labels.keys().copied().collect()),
                (0..top).with_key_points(steps),
            )?;
        let quiet = ColorToken::Quiet.rgb();
        let style = ("sans-serif", FONT, &quiet).into_text_style(area);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(ColorToken::Line.rgb())
            .axis_style(ColorToken::Line.rgb())
            .x_label_style(style.pos(Pos::new(HPos::Center, VPos::Top)))
            .y_label_style(style)
            .x_label_formatter(&|at| labels.get(at).cloned().unwrap_or_default())
            .y_label_formatter(&number)
            .draw()?;
        chart.draw_series(self.bars.iter().map(rectangle))?;
        Ok(())
    }
}

fn rectangle(bar: &Bar) -> Rectangle<(u32, u32)> {
    let (left, right) = bar.along;
    Rectangle::new([(left, 0), (right, bar.height)], bar.color.rgb().filled())
}

/// Round numbers from nought to the first that is no less than the highest value, six at most.
fn steps(highest: u32) -> Vec<u32> {
    let round = (0..9).flat_map(|zeros| [1, 2, 5].map(|digit| digit * 10_u32.pow(zeros)));
    let step = round
        .into_iter()
        .find(|step| step.saturating_mul(5) >= highest)
        .unwrap_or(u32::MAX / 5);
    (0..=highest.div_ceil(step).max(1))
        .map(|number| number * step)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_round_numbers() {
        for (highest, expected) in [
            (0, vec![0, 1]),
            (1, vec![0, 1]),
            (5, vec![0, 1, 2, 3, 4, 5]),
            (6, vec![0, 2, 4, 6]),
            (101, vec![0, 50, 100, 150]),
            (863, vec![0, 200, 400, 600, 800, 1000]),
        ] {
            assert_eq!(steps(highest), expected, "{highest}");
        }
        assert!(steps(u32::MAX).len() <= 6);
    }
}
