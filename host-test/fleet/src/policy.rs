//! When a connection runs again: a decision of facts alone.

use std::time::Duration;

use connector_runtime::contract::FailureKind;
use connector_runtime::json_view;

/// The first pause after a failure; each further failure in a row doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// A pause at least, whatever the service or the component asks for.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ending {
    /// Everything selected was delivered.
    #[default]
    Succeeded,
    /// It failed.
    Failed {
        /// Who has to act.
        kind: FailureKind,
        /// What the service asked for.
        retry_after: Option<Duration>,
    },
    /// This worker stops; another one goes on.
    HandedOn,
}

impl Ending {
    /// As the record of the run says it.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Succeeded => "",
            Self::HandedOn => "handed_on",
            Self::Failed { kind, .. } => json_view::kind(*kind),
        }
    }
}

/// What happens to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is due after this time.
    RunAfter(Duration),
    /// It waits until a person has changed something.
    Pause,
}

/// Decides from the ending, the interval of the connection, and how many runs before this one failed in a row.
#[must_use]
pub fn decide(ending: &Ending, every: Duration, failures: u32) -> Next {
    match ending {
        Ending::Succeeded => Next::RunAfter(every),
        Ending::HandedOn => Next::RunAfter(Duration::ZERO),
        Ending::Failed { kind, retry_after } => match kind {
            FailureKind::InvalidConfig
            | FailureKind::InvalidCredentials
            | FailureKind::InvalidPermissions
            | FailureKind::InvalidState => Next::Pause,
            FailureKind::RateLimited
            | FailureKind::Unavailable
            | FailureKind::Incomplete
            | FailureKind::UnexpectedResponse
            | FailureKind::Cancelled
            | FailureKind::Other => {
                let backoff = FIRST_RETRY.saturating_mul(1 << failures.min(10)).min(every);
                // What the service asks for is never shortened; none at all would be a run without end.
                Next::RunAfter(retry_after.map_or(backoff, |asked| asked.max(SHORTEST_RETRY)))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_decide() {
        let hour = Duration::from_hours(1);
        let seconds = |seconds| Next::RunAfter(Duration::from_secs(seconds));
        let failed = |kind, retry_after: Option<u64>| Ending::Failed {
            kind,
            retry_after: retry_after.map(Duration::from_secs),
        };
        for (ending, failures, next, why) in [
            (
                Ending::Succeeded,
                3,
                seconds(3_600),
                "as often as was asked for",
            ),
            (
                Ending::HandedOn,
                3,
                seconds(0),
                "another worker goes on at once",
            ),
            (
                failed(FailureKind::Unavailable, None),
                0,
                seconds(30),
                "soon",
            ),
            (
                failed(FailureKind::Incomplete, None),
                3,
                seconds(240),
                "later and later",
            ),
            (
                failed(FailureKind::Other, None),
                60,
                seconds(3_600),
                "not later than its turn",
            ),
            (
                failed(FailureKind::RateLimited, Some(7_200)),
                0,
                seconds(7_200),
                "what the service says",
            ),
            (
                failed(FailureKind::Unavailable, Some(0)),
                0,
                seconds(1),
                "never at once",
            ),
            (
                failed(FailureKind::InvalidCredentials, None),
                0,
                Next::Pause,
                "a person must act",
            ),
            (
                failed(FailureKind::InvalidConfig, Some(1)),
                0,
                Next::Pause,
                "a person must act",
            ),
        ] {
            assert_eq!(decide(&ending, hour, failures), next, "{why}");
        }
    }
}
