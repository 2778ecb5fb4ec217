//! The judgement on a failed try: facts in, verdict out. The loop is elsewhere and is handed its sleep.

use std::time::Duration;

use super::Headers;
use crate::config::Retry;
use crate::timestamp::Timestamp;

/// The first wait where the service asks for none; doubled each time (Atlassian's advice, base 2 s).
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait that nobody asked for (Atlassian's advice, 30 s).
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What is known when a try has failed in a way that another try may mend.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Tries that failed so far, this one included.
    pub failed: u32,
    /// How long this request has waited between its tries.
    pub waited: Duration,
    /// The wait that the service asks for.
    pub asked: Option<Duration>,
    /// A number from 0 to 1.
    pub random: f64,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after this long.
    Wait(Duration),
    /// Another try might help, but not within the attempts and the patience allowed.
    GiveUp,
}

/// Judges.
#[must_use]
pub fn judge(policy: &Retry, facts: &Facts) -> Verdict {
    let wait = facts
        .asked
        .filter(|asked| !asked.is_zero())
        .unwrap_or_else(|| backoff(facts));
    if facts.failed > policy.attempts || facts.waited.saturating_add(wait) > policy.patience {
        return Verdict::GiveUp;
    }
    Verdict::Wait(wait)
}

/// 2, 4, 8, 16, 30, 30… seconds, each times 0.7 to 1.3, so that many clients don't come back at once.
fn backoff(facts: &Facts) -> Duration {
    let doublings = facts.failed.saturating_sub(1).min(10);
    let plain = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    plain.mul_f64(0.7 + 0.6 * facts.random.clamp(0.0, 1.0))
}

/// The wait that an answer asks for: `Retry-After` (seconds, or a date as in RFC 9110), else
/// `X-RateLimit-Reset` (ISO 8601, seen without seconds). `Beta-…` headers are informational and ignored.
#[must_use]
pub fn asked_wait(headers: &Headers, now: Timestamp) -> Option<Duration> {
    if let Some(value) = headers.get("retry-after") {
        if let Ok(seconds) = value.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        if let Some(date) = Timestamp::parse_http(value.trim()) {
            return Some(until(date, now));
        }
    }
    let reset = headers.get("x-ratelimit-reset")?.trim();
    Timestamp::parse(reset).map(|reset| until(reset, now))
}

/// Rounded up to whole seconds, since the service's clock shows no more.
fn until(date: Timestamp, now: Timestamp) -> Duration {
    let wait = date.since(now);
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const POLICY: Retry = Retry {
        attempts: 5,
        patience: Duration::from_mins(5),
    };

    fn facts(failed: u32, asked: Option<u64>) -> Facts {
        let asked = asked.map(Duration::from_secs);
        Facts {
            failed,
            waited: Duration::ZERO,
            asked,
            random: 0.5,
        }
    }

    #[test]
    fn waits_double_up_to_thirty_seconds_and_end() {
        let waits: Vec<_> = (1..=6)
            .map(|failed| judge(&POLICY, &facts(failed, None)))
            .collect();
        let seconds = |s| Verdict::Wait(Duration::from_secs(s));
        assert_eq!(
            waits,
            [
                seconds(2),
                seconds(4),
                seconds(8),
                seconds(16),
                seconds(30),
                Verdict::GiveUp
            ]
        );
    }

    #[test]
    fn what_the_service_asks_for_comes_first_within_patience() {
        for (asked, expected, why) in [
            (
                1,
                Verdict::Wait(Duration::from_secs(1)),
                "a burst limit, as documented for Jira",
            ),
            (
                300,
                Verdict::Wait(Duration::from_mins(5)),
                "just within patience",
            ),
            (
                1847,
                Verdict::GiveUp,
                "the quota example of the documentation",
            ),
            (
                0,
                Verdict::Wait(Duration::from_secs(2)),
                "zero is no advice",
            ),
        ] {
            assert_eq!(judge(&POLICY, &facts(1, Some(asked))), expected, "{why}");
        }
    }

    #[test]
    fn waits_are_read_from_headers() {
        let now = Timestamp::parse("2026-03-26T15:59:30Z").unwrap();
        for (name, value, expected) in [
            ("Retry-After", "42", Some(42)),
            ("retry-after", "Thu, 26 Mar 2026 16:00:00 GMT", Some(30)),
            ("Retry-After", "Thu, 26 Mar 2026 15:00:00 GMT", Some(0)),
            ("X-RateLimit-Reset", "2026-03-26T16:00Z", Some(30)),
            ("X-RateLimit-Reset", "2026-03-26T16:00:01.5Z", Some(32)),
            ("Beta-Retry-After", "9", None),
            ("Retry-After", "soon", None),
        ] {
            let headers = Headers(vec![(name.into(), value.into())]);
            let wait = asked_wait(&headers, now).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_and_no_wait_passes_patience(
            name in prop_oneof![Just("Retry-After"), Just("X-RateLimit-Reset")],
            value in "\\PC{0,30}",
            failed in 0_u32..100,
            random in -1.0..2.0_f64,
        ) {
            let headers = Headers(vec![(name.into(), value)]);
            let asked = asked_wait(&headers, Timestamp::default());
            let facts = Facts { failed, waited: Duration::from_secs(10), asked, random };
            if let Verdict::Wait(wait) = judge(&POLICY, &facts) {
                prop_assert!(wait <= Duration::from_secs(290));
            }
        }
    }
}
