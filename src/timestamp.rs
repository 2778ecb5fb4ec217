//! An instant of the service's clock.

use std::time::{Duration, UNIX_EPOCH};

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

    /// Reads RFC 3339 and its relatives in ISO 8601: without seconds, with the offset `+0000`. What is finer than a
    /// millisecond is cut off. A text without an offset is no instant.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        let millis = instant.as_nanosecond().div_euclid(1_000_000);
        i64::try_from(millis).ok().map(Self)
    }

    /// Reads the date of an HTTP header: IMF-fixdate (`Thu, 26 Mar 2026 16:00:00 GMT`), and RFC 850 and asctime,
    /// which RFC 9110 wants read as well. `UTC` may stand for `GMT`.
    #[must_use]
    pub fn parse_http(text: &str) -> Option<Self> {
        let text = text.trim();
        let date = match text.strip_suffix(" UTC") {
            Some(before) => httpdate::parse_http_date(&format!("{before} GMT")),
            None => httpdate::parse_http_date(text),
        };
        let since_1970 = date.ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(millis(since_1970)).ok().map(Self)
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
        let instant = jiff::Timestamp::from_millisecond(self.0).ok()?;
        (self.0 >= FIRST_OF_YEAR_0).then(|| format!("{instant:.3}"))
    }

    /// So much earlier.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(millis(duration)))
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

/// 0000-01-01T00:00:00Z.
const FIRST_OF_YEAR_0: i64 = -62_167_219_200_000;

/// A duration in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1000)
        .saturating_add(u64::from(duration.subsec_millis()))
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
