//! An answer that is not the desired one, and what it calls for.

use crate::error::Error;

/// An answer that is not the desired one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error if it stays.
    pub error: Error,
    /// What to do about it.
    pub action: ResponseAction,
    /// Whether the CDN generated the answer, as in the runs of false 403s and 404s that were seen.
    pub from_cdn: bool,
    /// Whether fewer rows may be answered: the service was overloaded or too slow, or the answer too long.
    pub fewer_rows: bool,
}

/// What a failed request calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseAction {
    /// Transient: retry.
    Retry,
    /// No connection, and no good answer so far: retry once. A wrong address does not heal.
    RetryOnce,
    /// The service limits the rate: pause all requests, then retry.
    RateLimited,
    /// A complete answer that cannot be understood: retry a little.
    RetryBody,
    /// It may be false: confirm the credentials, then retry a little. If it stays, it is what [`Resolution`] says.
    Suspect(Resolution),
    /// The service names the page as missing; believed once the credentials are confirmed.
    PageGone,
    /// The value is refused in so many words; believed once the credentials are confirmed.
    Unavailable,
    /// The cursor is not accepted.
    RestartListing,
    /// This request fails, others may succeed.
    Fail,
    /// Every request would fail.
    FailRun,
}

/// What a suspect answer is if it stays though the credentials work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The page no longer exists.
    PageGone,
    /// The value is not available.
    Unavailable,
    /// This request fails.
    Fail,
    /// Every request would fail.
    FailRun,
}

impl ResponseAction {
    /// Whether the credentials have to be confirmed first.
    #[must_use]
    pub fn needs_confirmation(self) -> bool {
        matches!(self, Self::Suspect(_) | Self::PageGone | Self::Unavailable)
    }
}
