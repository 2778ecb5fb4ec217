//! An instant of the service's clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Milliseconds since 1970, as precise as the service's own timestamps. The state keeps it as a number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
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

    /// Reads RFC 3339 and its relatives in ISO 8601: without seconds, with the offset `+0000`. What is finer than a
    /// millisecond is cut off. A text without an offset is no instant.
    ///
    /// (By hand: the parsers of the well-kept crates take a fifth of the component. The tests compare with them.)
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let year = number(&mut rest, 4, 9999)?;
        let month = one_of(b"-", &mut rest).and_then(|()| number(&mut rest, 2, 12))?;
        let day = one_of(b"-", &mut rest).and_then(|()| number(&mut rest, 2, 31))?;
        one_of(b"Tt ", &mut rest)?;
        let hour = number(&mut rest, 2, 23)?;
        let minute = one_of(b":", &mut rest).and_then(|()| number(&mut rest, 2, 59))?;
        let second = match one_of(b":", &mut rest) {
            // A leap second is the one before it once more.
            Some(()) => number(&mut rest, 2, 60)?.min(59),
            None => 0,
        };
        let millis = match one_of(b".,", &mut rest) {
            Some(()) => fraction(&mut rest)?,
            None => 0,
        };
        let minutes = hour * 60 + minute - offset(&mut rest)?;
        let days = days_since_1970(year, month, day)?;
        let seconds = (days * 1440 + minutes) * 60 + second;
        let is_whole_text = rest.is_empty();
        is_whole_text.then_some(Self(seconds * 1000 + millis))
    }

    /// Reads the date of an HTTP header: IMF-fixdate (`Thu, 26 Mar 2026 16:00:00 GMT`), and RFC 850 and asctime,
    /// which RFC 9110 wants read as well. `UTC` may stand for `GMT`.
    #[must_use]
    pub fn parse_http(text: &str) -> Option<Self> {
        let words: Vec<&str> = text
            .split([' ', ',', '-'])
            .filter(|word| !word.is_empty())
            .collect();
        let ([_, day, month, year, time, "GMT" | "UTC"] | [_, month, day, time, year]) =
            *words.as_slice()
        else {
            return None;
        };
        let month = MONTHS.iter().position(|name| *name == month)? + 1;
        let century = match year.parse::<u8>() {
            Ok(70..) if year.len() == 2 => "19",
            Ok(_) if year.len() == 2 => "20",
            _ => "",
        };
        // Zeros in front are optional, seconds and the zone are not.
        let has_seconds = time.len() == "00:00:00".len();
        let date = Self::parse(&format!("{century}{year}-{month:02}-{day:0>2}T{time}Z"));
        date.filter(|date| has_seconds && date.0 >= 0)
    }

    /// Whether a text is RFC 3339 in UTC, as JSON Schema's `date-time` wants it.
    #[must_use]
    pub fn is_rfc3339_utc(text: &str) -> bool {
        const SHAPE: &[u8] = b"0000-00-00T00:00:00";
        let Some((start, rest)) = text.as_bytes().split_at_checked(SHAPE.len()) else {
            return false;
        };
        let fits = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        };
        let fraction = rest.strip_suffix(b"Z").or(rest.strip_suffix(b"+00:00"));
        let fraction_fits = fraction.is_some_and(|fraction| match fraction {
            [] => true,
            [b'.', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
            _ => false,
        });
        fraction_fits && start.iter().zip(SHAPE).all(fits) && Self::parse(text).is_some()
    }

    /// RFC 3339 in UTC with milliseconds; none outside the years that have four digits.
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        if !(FIRST_OF_YEAR_0..END_OF_YEAR_9999).contains(&self.0) {
            return None;
        }
        let (year, month, day) = date_of(self.0.div_euclid(MILLIS_PER_DAY));
        let millis = self.0.rem_euclid(MILLIS_PER_DAY);
        let (minutes, millis) = (millis / 60_000, millis % 60_000);
        Some(format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            minutes / 60,
            minutes % 60,
            millis / 1000,
            millis % 1000
        ))
    }

    /// A time in milliseconds since 1970, or in seconds, if it would be before 1973 otherwise, when there was no Confluence.
    #[must_use]
    pub fn from_epoch(number: i64) -> Self {
        let is_seconds = (1_000_000_000..100_000_000_000).contains(&number);
        Self(if is_seconds {
            number.saturating_mul(1000)
        } else {
            number
        })
    }

    /// So much earlier.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(millis(duration)))
    }

    /// The time so much later, or the latest that there is.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(millis(duration)))
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

/// 0000-01-01T00:00:00Z.
const FIRST_OF_YEAR_0: i64 = -62_167_219_200_000;
/// +10000-01-01T00:00:00Z.
const END_OF_YEAR_9999: i64 = 253_402_300_800_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1000)
        .saturating_add(u64::from(duration.subsec_millis()))
}

/// Takes one of these characters from the front.
fn one_of(characters: &[u8], rest: &mut &[u8]) -> Option<()> {
    let (first, others) = rest.split_first()?;
    characters.contains(first).then(|| *rest = others)
}

/// Takes so many digits from the front.
fn number(rest: &mut &[u8], digits: usize, maximum: i64) -> Option<i64> {
    let (digits, others) = rest.split_at_checked(digits)?;
    let mut number = 0;
    for digit in digits {
        number = number * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    (number <= maximum).then(|| {
        *rest = others;
        number
    })
}

/// Milliseconds of the digits behind a point.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let mut millis = number(rest, 1, 9)? * 100;
    let mut worth = 10;
    while let Some(digit) = number(rest, 1, 9) {
        millis += digit * worth;
        worth /= 10;
    }
    Some(millis)
}

/// Minutes east of Greenwich.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    if one_of(b"Zz", rest).is_some() {
        return Some(0);
    }
    let west = one_of(b"-", rest).is_some();
    if !west {
        one_of(b"+", rest)?;
    }
    let hours = number(rest, 2, 25)?;
    let has_minutes = one_of(b":", rest).is_some() || !rest.is_empty();
    let minutes = if has_minutes { number(rest, 2, 59)? } else { 0 };
    let minutes = hours * 60 + minutes;
    Some(if west { -minutes } else { minutes })
}

/// Days of the Gregorian calendar, counted in years that begin in March (Hinnant, "chrono-compatible low-level
/// date algorithms"). None for a day that does not exist.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (date_of(days) == (year, month, day)).then_some(days)
}

/// Year, month and day: the reverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
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
            ("1970-01-01T00:00:00.000+0000", Some(0)),
            ("1970-01-01T00:01Z", Some(60_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("1970-01-01T00:00:00.0019Z", Some(1)),
            ("1970-01-01T01:00:00+01", Some(0)),
            ("1970-01-01T00:00:60Z", Some(59_000)),
            ("1970-00-01T00:00:00Z", None),
            ("1970-01-00T00:00:00Z", None),
            ("1970-01-01T00:00:00+01:", None),
            ("1970-01-01T00:00:00Zz", None),
            ("1970-01-01", None),
            ("1970-01-01T00:00:00", None),
            ("soon", None),
        ] {
            let read = Timestamp::parse(text).map(Timestamp::millis);
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn reads_every_date_that_http_has_known() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:01:00 GMT", Some(60_000)),
            ("Thu, 01 Jan 1970 00:01:00 UTC", Some(60_000)),
            ("Thursday, 01-Jan-70 00:01:00 GMT", Some(60_000)),
            ("Thu Jan  1 00:01:00 1970", Some(60_000)),
            ("Thu, 01 Foo 1970 00:01:00 GMT", None),
            ("Thu, 01 Jan 1970 00:01:00", None),
            ("1970-01-01T00:00:00Z", None),
            ("", None),
        ] {
            let read = Timestamp::parse_http(text).map(Timestamp::millis);
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn knows_rfc3339_in_utc() {
        for (text, expected) in [
            ("2026-09-18T11:01:06.372Z", true),
            ("2026-09-18T11:01:06Z", true),
            ("2026-09-18T11:01:06+00:00", true),
            ("2026-09-18T11:01:06.Z", false),
            ("2026-09-18 11:01:06Z", false),
            ("2026-09-18T11:01:06+0000", false),
            ("2026-09-18T13:01:06+02:00", false),
            ("2026-13-18T11:01:06Z", false),
            ("2026-09-18", false),
        ] {
            assert_eq!(Timestamp::is_rfc3339_utc(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_instant_is_what_jiff_reads(
            millis in FIRST_OF_YEAR_0..253_402_207_200_000_i64,
            digits in 0_usize..=9,
            minutes in -1439_i32..=1439,
        ) {
            let instant = jiff::Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(Timestamp(millis).to_rfc3339(), Some(format!("{instant:.3}")));
            let seconds = Timestamp::parse(&format!("{instant:.digits$}")).unwrap();
            prop_assert!(seconds.0 <= millis && millis - seconds.0 < 1000);
            let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
            let elsewhere = instant.display_with_offset(offset).to_string();
            if !elsewhere.starts_with('-') {
                prop_assert_eq!(Timestamp::parse(&elsewhere), Some(Timestamp(millis)), "{}", elsewhere);
            }
        }

        #[test]
        fn no_day_is_made_up(year in 0_i16..=9999, month in 0_i8..=13, day in 0_i8..=32) {
            let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
            let known = text.parse::<jiff::Timestamp>().ok();
            let known = known.map(jiff::Timestamp::as_millisecond);
            prop_assert_eq!(Timestamp::parse(&text).map(Timestamp::millis), known);
        }

        #[test]
        fn an_http_date_is_what_httpdate_reads(seconds in 0..253_402_300_800_u64) {
            let date = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
            let expected = i64::try_from(seconds * 1000).ok().map(Timestamp);
            prop_assert_eq!(Timestamp::parse_http(&httpdate::fmt_http_date(date)), expected);
        }

        #[test]
        fn what_is_written_is_read(millis in FIRST_OF_YEAR_0..253_402_207_200_000_i64) {
            let text = Timestamp(millis).to_rfc3339().unwrap();
            prop_assert!(Timestamp::is_rfc3339_utc(&text), "{}", text);
            prop_assert_eq!(Timestamp::parse(&text), Some(Timestamp(millis)));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}", millis in any::<i64>()) {
            let _ = Timestamp::parse(&text);
            let _ = Timestamp::parse_http(&text);
            let _ = Timestamp::is_rfc3339_utc(&text);
            let _ = Timestamp(millis).to_rfc3339();
        }
    }
}
