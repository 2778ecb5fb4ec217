//! The page's colors, each for light and for dark.
//!
//! A chart is drawn in the light ones, as attributes of its shapes; rules of the style sheet, made from the same
//! table, turn each of them into a variable. So a chart follows the reader's theme, and still has its colors
//! where somebody copies it out of the page.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What a color is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColorToken {
    /// Behind everything.
    Paper,
    /// What is read.
    Ink,
    /// What is read second: axes, remarks.
    Quiet,
    /// Grids and borders.
    Line,
    /// Links.
    Link,
    /// New documents.
    New,
    /// Updates.
    Update,
    /// People.
    People,
    /// Views.
    Views,
    /// What nobody touches.
    Stale,
}

type Rgb = (u8, u8, u8);

/// The colors with their light and dark colors. Blue and orange, which are told apart by everybody, are the
/// pair that stands side by side.
const PALETTE: [(ColorToken, &str, Rgb, Rgb); 10] = [
    (
        ColorToken::Paper,
        "paper",
        (0xFC, 0xFC, 0xFA),
        (0x15, 0x18, 0x1C),
    ),
    (
        ColorToken::Ink,
        "ink",
        (0x1B, 0x20, 0x26),
        (0xE9, 0xEC, 0xEF),
    ),
    (
        ColorToken::Quiet,
        "quiet",
        (0x5A, 0x64, 0x70),
        (0x9D, 0xA7, 0xB2),
    ),
    (
        ColorToken::Line,
        "line",
        (0xDF, 0xE2, 0xE6),
        (0x2E, 0x35, 0x3D),
    ),
    (
        ColorToken::Link,
        "link",
        (0x1F, 0x5F, 0xAE),
        (0x82, 0xB4, 0xF2),
    ),
    (
        ColorToken::New,
        "new",
        (0xC7, 0x57, 0x12),
        (0xF0, 0x91, 0x4F),
    ),
    (
        ColorToken::Update,
        "update",
        (0x4A, 0x82, 0xC4),
        (0x5E, 0x94, 0xD6),
    ),
    (
        ColorToken::People,
        "people",
        (0x3A, 0x85, 0x6B),
        (0x55, 0xA8, 0x8B),
    ),
    (
        ColorToken::Views,
        "views",
        (0x7A, 0x62, 0xB0),
        (0x9D, 0x88, 0xD0),
    ),
    (
        ColorToken::Stale,
        "stale",
        (0x98, 0x8B, 0x74),
        (0x7A, 0x71, 0x61),
    ),
];

impl ColorToken {
    /// The color in a chart.
    pub(super) fn rgb(self) -> RGBColor {
        let own = PALETTE.iter().find(|(color, ..)| *color == self);
        let (red, green, blue) = own.map_or((0, 0, 0), |(_, _, light, _)| *light);
        RGBColor(red, green, blue)
    }

    /// The name of its variable in the style sheet.
    pub(super) fn name(self) -> &'static str {
        let own = PALETTE.iter().find(|(color, ..)| *color == self);
        own.map_or("ink", |(_, name, ..)| name)
    }
}

/// The variables for light and dark, and the rules that put them into charts.
pub(super) fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let mut charts = String::new();
    for (_, name, by_day, by_night) in PALETTE {
        let by_day = hex(by_day);
        // Writing into a string doesn't fail.
        let _ = write!(light, "--{name}:{by_day};");
        let _ = write!(dark, "--{name}:{};", hex(by_night));
        let _ = write!(
            charts,
            "svg [fill=\"{by_day}\"]{{fill:var(--{name})}}svg [stroke=\"{by_day}\"]{{stroke:var(--{name})}}"
        );
    }
    format!(
        ":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{charts}"
    )
}

/// As the chart's library writes it: the rules are compared to it letter by letter.
fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of WCAG 2.2.
    fn luminance((red, green, blue): Rgb) -> f64 {
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: Rgb, other: Rgb) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_and_bars_stand_out_by_day_and_by_night() {
        let (_, _, white, black) = PALETTE[0];
        for (color, name, by_day, by_night) in PALETTE {
            let least = match color {
                ColorToken::Paper | ColorToken::Line => continue,
                ColorToken::Ink | ColorToken::Quiet | ColorToken::Link => 4.5,
                _ => 3.0,
            };
            let (by_day, by_night) = (contrast(by_day, white), contrast(by_night, black));
            assert!(
                by_day >= least && by_night >= least,
                "{name}: {by_day:.2}, {by_night:.2}"
            );
        }
    }
}
