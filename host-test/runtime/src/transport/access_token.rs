//! An access token, and when it is renewed.

use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::token_response::Grant;

/// A token is renewed so long before its end at most, so that a token endpoint that fails for minutes ends no run.
const LONGEST_MARGIN: Duration = Duration::from_mins(5);

/// A token that was issued.
#[derive(Clone)]
pub(super) struct AccessToken {
    pub(super) header: HeaderValue,
    /// Which of the tokens it is.
    pub(super) number: u64,
    /// It is good for a while after that.
    pub(super) renew_at: Instant,
    pub(super) ends_at: Instant,
}

impl AccessToken {
    pub(super) fn new(grant: Grant, number: u64, now: Instant) -> Self {
        let margin = (grant.lifetime / 5).min(LONGEST_MARGIN);
        Self {
            header: grant.header,
            number,
            renew_at: now + grant.lifetime.saturating_sub(margin),
            ends_at: now + grant.lifetime,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let now = Instant::now();
        for (lifetime, renewed_after) in [(3600, 3300), (100, 80), (10, 8)] {
            let grant = Grant {
                token: String::new(),
                header: HeaderValue::from_static("Bearer x"),
                lifetime: Duration::from_secs(lifetime),
            };
            let token = AccessToken::new(grant, 1, now);
            assert_eq!(token.renew_at - now, Duration::from_secs(renewed_after));
            assert_eq!(token.ends_at - now, Duration::from_secs(lifetime));
        }
    }
}
