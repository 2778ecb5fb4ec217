//! The wait that a response requests, in every form that was seen.

use std::time::Duration;

use super::Headers;
use crate::timestamp::Timestamp;
use crate::wire::json_number;

/// Longer waits make no sense: the service's quotas are refilled each hour (its page on rate limiting).
const LONGEST: Duration = Duration::from_hours(24);
/// Numbers above this are a time in seconds since 1970 (2001 and later), not a number of seconds.
const SMALLEST_EPOCH: f64 = 1e9;
/// Numbers above this are a time in milliseconds since 1970.
const SMALLEST_EPOCH_MILLIS: f64 = 1e12;

/// Reads `Retry-After` (seconds or a date, RFC 9110), else `X-RateLimit-Reset` (ISO 8601, seen without seconds). Both may
/// be seconds or milliseconds since 1970. `Beta-…` headers are informational and ignored. None if the response requests
/// no wait that makes sense.
#[must_use]
pub fn parse_retry_after(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let wait = |name| {
        let value = headers.get(name)?.trim();
        let wait =
            seconds(value).map_or_else(|| until_date(value, now), |seconds| wait_of(seconds, now));
        wait.filter(|wait| *wait <= LONGEST)
    };
    wait("retry-after").or_else(|| wait("x-ratelimit-reset"))
}

/// A number of seconds: also with a fraction, with a unit, and doubled by a proxy (`4, 4`).
fn seconds(value: &str) -> Option<f64> {
    let numbers = value.split(',').map(one_duration);
    let numbers = numbers.collect::<Option<Vec<_>>>()?;
    numbers.into_iter().reduce(f64::max)
}

/// One number with or without a unit, in seconds.
fn one_duration(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')));
    let (number, unit) = text.split_at_checked(digits.unwrap_or(text.len()))?;
    let number = json_number(number.trim_start_matches('+'))?;
    let in_seconds = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "millis" | "milliseconds" => 0.001,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        _ => return None,
    };
    Some(number * in_seconds)
}

/// The wait that a number of seconds means. Zero and less request nothing.
fn wait_of(seconds: f64, now: Timestamp) -> Option<Duration> {
    if seconds < SMALLEST_EPOCH {
        let positive = seconds > 0.0;
        return positive.then(|| Duration::from_millis(whole(seconds * 1000.0)));
    }
    let millis = if seconds < SMALLEST_EPOCH_MILLIS {
        seconds * 1000.0
    } else {
        seconds
    };
    let millis = i64::try_from(whole(millis)).unwrap_or(i64::MAX);
    Some(until(Timestamp::from_millis(millis), now))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from float saturates"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

fn until_date(value: &str, now: Timestamp) -> Option<Duration> {
    let date = Timestamp::parse_http(value).or_else(|| Timestamp::parse(value));
    date.map(|date| until(date, now))
}

/// Rounded up to whole seconds, since the service's clock shows no more.
fn until(date: Timestamp, now: Timestamp) -> Duration {
    let wait = date.since(now);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_is_read() {
        let now = Timestamp::parse("2026-03-26T15:59:30Z").unwrap();
        for (name, value, expected) in [
            ("Retry-After", "42", Some(42_000)),
            ("retry-after", " 42 ", Some(42_000)),
            ("Retry-After", "1.5", Some(1_500)),
            ("Retry-After", "4, 4", Some(4_000)),
            ("Retry-After", "3, 7", Some(7_000)),
            ("Retry-After", "5s", Some(5_000)),
            ("Retry-After", "30 seconds", Some(30_000)),
            ("Retry-After", "2 min", Some(120_000)),
            ("Retry-After", "1500ms", Some(1_500)),
            ("Retry-After", "Thu, 26 Mar 2026 16:00:00 GMT", Some(30_000)),
            ("Retry-After", "Thu, 26 Mar 2026 16:00:00 UTC", Some(30_000)),
            (
                "Retry-After",
                "Thursday, 26-Mar-26 16:00:00 GMT",
                Some(30_000),
            ),
            ("Retry-After", "Thu Mar 26 16:00:00 2026", Some(30_000)),
            ("Retry-After", "2026-03-26T16:00:00Z", Some(30_000)),
            ("Retry-After", "Thu, 26 Mar 2026 15:00:00 GMT", Some(0)),
            ("Retry-After", "1774540800", Some(30_000)),
            ("Retry-After", "1774540800000", Some(30_000)),
            ("Retry-After", "86400", Some(86_400_000)),
            ("Retry-After", "86401", None),
            ("Retry-After", "4, 99999999", None),
            ("Retry-After", "99999999999999999999", None),
            ("Retry-After", "1e300", None),
            ("Retry-After", "Thu, 26 Mar 2099 16:00:00 GMT", None),
            ("X-RateLimit-Reset", "2099-03-26T16:00Z", None),
            ("X-RateLimit-Reset", "4098441600", None),
            ("Retry-After", "0", None),
            ("Retry-After", "-5", None),
            ("Retry-After", "soon", None),
            ("Retry-After", "", None),
            ("X-RateLimit-Reset", "2026-03-26T16:00Z", Some(30_000)),
            ("X-RateLimit-Reset", "2026-03-26T16:00:01.5Z", Some(32_000)),
            ("X-RateLimit-Reset", "1774540800", Some(30_000)),
            ("X-RateLimit-Reset", "1774540800000", Some(30_000)),
            ("X-RateLimit-Reset", "30", Some(30_000)),
            ("Beta-Retry-After", "9", None),
        ] {
            let headers = Headers(vec![(name.into(), value.into())]);
            let wait = parse_retry_after(&headers, now).map(|wait| wait.as_millis());
            assert_eq!(wait, expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_reset_stands_in_for_a_wait_that_makes_no_sense() {
        let headers = [
            ("retry-after", "-1"),
            ("x-ratelimit-reset", "1970-01-01T00:01Z"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wait = parse_retry_after(&Headers(headers.to_vec()), Timestamp::default());
        assert_eq!(wait, Some(Duration::from_mins(1)));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_no_wait_is_absurd(
            name in prop_oneof![Just("Retry-After"), Just("X-RateLimit-Reset")],
            value in prop_oneof!["\\PC{0,30}", "-?[0-9]{1,400}(\\.[0-9]{1,3})?(, ?[0-9]{1,40})?"],
        ) {
            let headers = Headers(vec![(name.into(), value)]);
            let wait = parse_retry_after(&headers, Timestamp::default());
            prop_assert!(wait.is_none_or(|wait| wait <= LONGEST));
        }
    }
}
