//! An instant of the service's clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Milliseconds since 1970, as precise as the service's own timestamps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
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

    /// Reads RFC 3339, also without seconds, as `X-RateLimit-Reset` was seen: `2026-03-26T16:00Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let whole = match text.strip_suffix('Z') {
            Some(minutes) if minutes.len() == "2026-03-26T16:00".len() => format!("{minutes}:00Z"),
            _ => text.to_owned(),
        };
        let date = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
        Some(Self(
            date.unix_timestamp() * 1000 + i64::from(date.millisecond()),
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
    pub fn less(self, duration: Duration) -> Self {
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

#[cfg(test)]
mod tests {
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
        fn nothing_panics(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
            let _ = Timestamp::parse_http(&text);
        }
    }
}
