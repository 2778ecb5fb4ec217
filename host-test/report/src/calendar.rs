//! The periods that work is counted by, and the days that a report is about.

use std::str::FromStr;

use anyhow::{Result, bail};
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

/// The last day that a report knows of, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    /// The report's today.
    pub(super) as_of: Date,
    /// The day after: what is dated from here on is left out.
    pub(super) until: Date,
    /// A year before that: the first day of the year that ends with the report's today.
    pub(super) year_ago: Date,
}

impl Days {
    pub(super) fn of(as_of: Date) -> Self {
        let until = as_of.saturating_add(1.day());
        Self {
            as_of,
            until,
            year_ago: until.saturating_sub(1.year()),
        }
    }
}

/// A period of the calendar, under PostgreSQL's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Week,
    Month,
    Quarter,
    Year,
}

/// More bars than this are no longer told apart on a phone.
const MOST_PERIODS: i32 = 60;

impl Unit {
    /// The finest unit that shows all these days in no more bars than a phone has room for.
    pub(super) fn fitting(from: Date, to: Date) -> Self {
        let months = months_of(to) - months_of(from);
        if months < MOST_PERIODS {
            Self::Month
        } else if months < 3 * MOST_PERIODS {
            Self::Quarter
        } else {
            Self::Year
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The first day of the period that a day is in; weeks begin on Monday.
    pub(super) fn first_day(self, day: Date) -> Date {
        let month = match self {
            Self::Week => {
                let since_monday = day.weekday().to_monday_zero_offset();
                return day.saturating_sub(i64::from(since_monday).days());
            }
            Self::Month => day.month(),
            Self::Quarter => day.month() - (day.month() - 1) % 3,
            Self::Year => 1,
        };
        // The first of a month that has begun is a date.
        Date::new(day.year(), month, 1).unwrap_or(day)
    }

    /// The first days of all periods that these days touch.
    pub(super) fn periods(self, from: Date, to: Date) -> impl Iterator<Item = Date> {
        let first = self.first_day(from);
        first.series(self.span()).take_while(move |day| *day <= to)
    }

    /// A period's name in a table: `2026-07-06`, `2026-07`, `2026 Q3`, `2026`.
    pub(super) fn label(self, first_day: Date) -> String {
        let (year, month) = (first_day.year(), first_day.month());
        match self {
            Self::Week => first_day.to_string(),
            Self::Month => format!("{year:04}-{month:02}"),
            Self::Quarter => format!("{year:04} Q{}", (month + 2) / 3),
            Self::Year => format!("{year:04}"),
        }
    }

    fn span(self) -> Span {
        match self {
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Quarter => 3.months(),
            Self::Year => 1.year(),
        }
    }
}

fn months_of(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month())
}

impl FromStr for Unit {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let all = [Self::Week, Self::Month, Self::Quarter, Self::Year];
        match all.into_iter().find(|unit| unit.name() == name) {
            Some(unit) => Ok(unit),
            None => bail!("date_trunc knows no unit {name:?}"),
        }
    }
}

/// The day of a timestamp in RFC 3339, or of a date.
pub(super) fn day(timestamp: &str) -> Option<Date> {
    timestamp.get(..10)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_begins_where_postgresql_says() {
        for (unit, day, first) in [
            ("week", "2026-07-13", "2026-07-13"),
            ("week", "2026-07-19", "2026-07-13"),
            ("week", "2027-01-01", "2026-12-28"),
            ("month", "2026-07-31", "2026-07-01"),
            ("quarter", "2026-12-31", "2026-10-01"),
            ("quarter", "2026-01-01", "2026-01-01"),
            ("year", "2026-07-13", "2026-01-01"),
        ] {
            let unit: Unit = unit.parse().unwrap();
            assert_eq!(unit.first_day(date(day)), date(first), "{unit:?} {day}");
        }
        assert!("fortnight".parse::<Unit>().is_err());
    }

    #[test]
    fn no_unit_makes_more_bars_than_fit() {
        for (from, to, unit, periods) in [
            ("2026-01-15", "2026-07-13", Unit::Month, 7),
            ("2021-08-31", "2026-07-01", Unit::Month, 60),
            ("2021-07-31", "2026-07-01", Unit::Quarter, 21),
            ("2015-12-11", "2026-07-13", Unit::Quarter, 44),
            ("2004-01-01", "2026-07-13", Unit::Year, 23),
        ] {
            let (from, to) = (date(from), date(to));
            assert_eq!(Unit::fitting(from, to), unit, "{from} to {to}");
            assert_eq!(unit.periods(from, to).count(), periods, "{from} to {to}");
        }
    }

    #[test]
    fn periods_have_names() {
        let day = date("2026-07-13");
        let names = [Unit::Week, Unit::Month, Unit::Quarter, Unit::Year]
            .map(|unit| unit.label(unit.first_day(day)));
        assert_eq!(names, ["2026-07-13", "2026-07", "2026 Q3", "2026"]);
    }
}
