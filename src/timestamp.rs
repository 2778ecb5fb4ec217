//! An instant of the service's clock.

use std::ops::RangeInclusive;
use std::time::Duration;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Milliseconds since 1970, as precise as the service's own timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, also without seconds, as `X-RateLimit-Reset` was seen: `2026-03-26T16:00Z`. What is finer
    /// than a millisecond is cut off.
    ///
    /// (By hand: the parsers of the well-kept crates take 13 KB, and the component has some 300.)
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let year = number(&mut rest, 4, 0..=9999)?;
        let month = after(b"-", &mut rest).and_then(|()| number(&mut rest, 2, 1..=12))?;
        let day = after(b"-", &mut rest).and_then(|()| number(&mut rest, 2, 1..=31))?;
        after(b"Tt ", &mut rest)?;
        let minutes = hours_and_minutes(&mut rest)?;
        let seconds = match after(b":", &mut rest) {
            // A leap second is one of the next minute.
            Some(()) => number(&mut rest, 2, 0..=60)?,
            None => 0,
        };
        let millis = match after(b".", &mut rest) {
            Some(()) => fraction(&mut rest)?,
            None => 0,
        };
        let minutes = minutes - offset(&mut rest)?;
        let days = days_since_1970(year, month, day)?;
        let done = rest.is_empty();
        done.then_some(Self(
            ((days * 1440 + minutes) * 60 + seconds) * 1000 + millis,
        ))
    }

    /// Reads the date of an HTTP header, in the one form that may still be sent (RFC 9110, IMF-fixdate):
    /// `Thu, 26 Mar 2026 16:00:00 GMT`.
    #[must_use]
    pub fn parse_http(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix(" GMT")?.split(' ').skip(1);
        let (day, month) = (words.next()?, words.next()?);
        let month = MONTHS.iter().position(|name| *name == month)? + 1;
        let (year, time) = (words.next()?, words.next()?);
        Self::parse(&format!("{year}-{month:02}-{day}T{time}Z"))
    }

    /// So much earlier.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(millis(duration)))
    }

    /// How long after `earlier` this is; nothing if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1000)
        .saturating_add(u64::from(duration.subsec_millis()))
}

/// Takes one of these characters from the front.
fn after(one_of: &[u8], rest: &mut &[u8]) -> Option<()> {
    let (first, others) = rest.split_first()?;
    one_of.contains(first).then(|| *rest = others)
}

/// Takes so many digits from the front.
fn number(rest: &mut &[u8], digits: usize, range: RangeInclusive<i64>) -> Option<i64> {
    let (digits, others) = rest.split_at_checked(digits)?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    range.contains(&number).then(|| {
        *rest = others;
        number
    })
}

fn hours_and_minutes(rest: &mut &[u8]) -> Option<i64> {
    let hours = number(rest, 2, 0..=23)?;
    after(b":", rest)?;
    Some(hours * 60 + number(rest, 2, 0..=59)?)
}

/// Milliseconds of the digits behind a point.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let mut millis = number(rest, 1, 0..=9)? * 100;
    let mut worth = 10;
    while let Some(digit) = number(rest, 1, 0..=9) {
        millis += digit * worth;
        worth /= 10;
    }
    Some(millis)
}

/// Minutes east of Greenwich.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    if after(b"Zz", rest).is_some() {
        return Some(0);
    }
    let west = after(b"-", rest).is_some();
    if !west {
        after(b"+", rest)?;
    }
    let minutes = hours_and_minutes(rest)?;
    Some(if west { -minutes } else { minutes })
}

/// Days of the Gregorian calendar, counted in years that begin in March (Hinnant, "chrono-compatible low-level
/// date algorithms").
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let year = if month <= 2 { year - 1 } else { year };
    let century = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year = year.rem_euclid(400);
    let days = year * 365 + year / 4 - year / 100 + day_of_year;
    (day <= longest).then_some(century * 146_097 + days - 719_468)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_the_service_writes() {
        for (text, expected) in [
            ("1970-01-01T00:00:01.250Z", Some(1250)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:01Z", Some(60_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("1970-01-01", None),
            ("soon", None),
        ] {
            assert_eq!(
                Timestamp::parse(text).map(Timestamp::millis),
                expected,
                "{text}"
            );
        }
        let date = Timestamp::parse_http("Thu, 01 Jan 1970 00:01:00 GMT");
        assert_eq!(date, Some(Timestamp::from_millis(60_000)));
        for text in [
            "Thu, 01 Foo 1970 00:01:00 GMT",
            "Thu, 01 Jan 1970 00:01:00",
            "1970-01-01T00:01:00Z",
            "",
        ] {
            assert_eq!(Timestamp::parse_http(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_crate_of_the_field(
            millis in -62_135_596_800_000_i64..253_402_214_400_000,
            digits in 0_u8..=9,
            minutes in -1439_i32..=1439,
        ) {
            let instant = jiff::Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(Timestamp::parse(&format!("{instant:.3}")), Some(Timestamp(millis)));
            let digits = usize::from(digits);
            let seconds = Timestamp::parse(&format!("{instant:.digits$}")).unwrap();
            prop_assert!(seconds.0 <= millis && millis - seconds.0 < 1000);
            let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
            let elsewhere = offset.to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
            prop_assert_eq!(Timestamp::parse(&elsewhere), Some(Timestamp(millis)), "{}", elsewhere);
        }

        #[test]
        fn no_day_is_made_up(year in 0_i16..=9999, month in 0_i8..=13, day in 0_i8..=32) {
            let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
            let known = text.parse::<jiff::Timestamp>().ok();
            prop_assert_eq!(Timestamp::parse(&text).map(Timestamp::millis), known.map(jiff::Timestamp::as_millisecond));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
            let _ = Timestamp::parse_http(&text);
        }
    }
}
