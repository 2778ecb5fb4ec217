//! The bar, or lines in its place.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use connector_runtime::printable::printable;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::stderr;

/// How often a line is written where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(5);

const WITHOUT_TOTAL: &str = "{spinner} {elapsed_precise}  {msg}";
const WITH_TOTAL: &str = "{spinner} {elapsed_precise} [{bar:30}] {pos} of {len}  {msg}";

/// How much of a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Warnings alone.
    Quiet,
    /// Progress and notes.
    #[default]
    Normal,
}

/// How far a run is, in the items of the connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) rows: u64,
    /// Requests sent, where that is known.
    pub(super) requests: Option<u64>,
}

pub(super) struct Display {
    verbosity: Verbosity,
    bar: ProgressBar,
    started: Instant,
    last_line: Instant,
    /// Whether the bar has its total.
    has_total: bool,
}

impl Display {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        let on_terminal = std::io::stderr().is_terminal() && verbosity > Verbosity::Quiet;
        let bar = if on_terminal {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        set_style(&bar, WITHOUT_TOTAL);
        bar.enable_steady_tick(Duration::from_millis(200));
        let now = Instant::now();
        Self {
            verbosity,
            bar,
            started: now,
            last_line: now,
            has_total: false,
        }
    }

    pub(super) fn show(&mut self, position: Option<Position>, totals: Totals) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        let line = message(position, totals, self.started.elapsed());
        if self.bar.is_hidden() {
            if self.last_line.elapsed() >= INTERVAL {
                self.last_line = Instant::now();
                let far = position.map(described).unwrap_or_default();
                stderr::print_line(&format!("{far}{line}"));
            }
            return;
        }
        if let Some(Position {
            done,
            total: Some(total),
        }) = position
        {
            if !self.has_total {
                set_style(&self.bar, WITH_TOTAL);
                self.has_total = true;
            }
            self.bar.set_length(total.max(done));
            self.bar.set_position(done);
        }
        self.bar.set_message(line);
    }

    pub(super) fn log(&self, level: &str, message: &str) {
        if level == "warn" || self.verbosity > Verbosity::Quiet {
            self.print(&format!("{level}: {message}"));
        }
    }

    pub(super) fn wait(&self, ms: u64, reason: &str) {
        let line = format!("waiting {} s: {reason}", ms.div_ceil(1000));
        if self.verbosity > Verbosity::Quiet {
            self.print(&line);
        }
        self.bar.set_message(printable(&line).into_owned());
    }

    fn print(&self, line: &str) {
        if self.bar.is_hidden() {
            stderr::print_line(line);
        } else {
            self.bar.println(printable(line));
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

fn described(position: Position) -> String {
    match position.total {
        Some(total) => format!("{} of {total}  ", position.done),
        None => format!("{}  ", position.done),
    }
}

/// Rows and requests, how many of them come in a second, and the time that is left.
#[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
fn message(position: Option<Position>, totals: Totals, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let counted =
        |count: u64, unit: &str| format!("{count} {unit}, {:.0}/s", count as f64 / seconds);
    let mut text = counted(totals.rows, "rows");
    if let Some(requests) = totals.requests {
        let _ = write!(text, ", {}", counted(requests, "requests"));
    }
    if let Some(Position {
        done,
        total: Some(total),
    }) = position
        && done > 0
        && total > done
    {
        let left = seconds * (total - done) as f64 / done as f64;
        if let Ok(left) = Duration::try_from_secs_f64(left) {
            let _ = write!(text, ", {} left", HumanDuration(left));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_what_is_done() {
        let position = |done, total| Some(Position { done, total });
        let elapsed = Duration::from_secs(10);
        for (position, expected) in [
            (None, "50 rows, 5/s"),
            (position(5, None), "50 rows, 5/s"),
            (position(0, Some(9)), "50 rows, 5/s"),
            (position(5, Some(15)), "50 rows, 5/s, 20 seconds left"),
            (position(15, Some(15)), "50 rows, 5/s"),
        ] {
            let totals = Totals {
                rows: 50,
                requests: None,
            };
            assert_eq!(message(position, totals, elapsed), expected);
        }
        let totals = Totals {
            rows: 50,
            requests: Some(20),
        };
        let line = message(position(5, Some(15)), totals, elapsed);
        let expected = "50 rows, 5/s, 20 requests, 2/s, 20 seconds left";
        assert_eq!(line, expected);
    }
}
