//! What is known about the credentials: which suspect answers a probe has cleared, and which values are refused.

use std::collections::HashMap;
use std::time::Duration;

use super::classify::{Failure, Resolution, ResponseAction};
use super::request::ApiRequest;
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind};
use crate::timestamp::Timestamp;

/// How long a probe clears suspect answers of the same endpoint and space.
const PROBE_VALID: Duration = Duration::from_secs(10);
/// How long a confirmed refusal spares further ones of the same endpoint and space their retries, and explicit ones
/// their probe.
const REFUSAL_VALID: Duration = Duration::from_mins(5);
/// Suspect answers without a good one between them that one probe clears at most.
const MAX_UNPROBED: u32 = 8;
/// Circuit breaker: after three refusals and no success, treat the endpoint as unavailable on this site.
const BREAKER_THRESHOLD: u32 = 3;

/// An endpoint and a space: refusals may differ by both.
type Key = (Endpoint, Option<Box<str>>);

/// What was learned about the credentials in this run.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    /// Whether a collection has answered: the credentials worked then.
    pub(super) authenticated: bool,
    /// Why every request would fail, once a probe has failed for good.
    pub(super) revoked: Option<Error>,
    /// When the last probe succeeded for a suspect answer.
    probed: HashMap<Key, Timestamp>,
    /// When a refusal was last confirmed.
    refused: HashMap<Key, Timestamp>,
    /// The last successful probe.
    last_probe: Option<Timestamp>,
    /// Suspect answers since the last good answer or probe.
    suspects: u32,
    views: Availability,
    states: Availability,
}

/// Whether an endpoint that a site may lack ever answered, and how many refusals were confirmed.
#[derive(Debug, Clone, Copy, Default)]
struct Availability {
    succeeded: bool,
    refused: u32,
}

impl Confirmations {
    pub(super) fn record_success(&mut self, endpoint: Endpoint) {
        self.authenticated |= !endpoint.is_per_page();
        self.suspects = 0;
        if let Some(availability) = self.availability(endpoint) {
            availability.succeeded = true;
        }
    }

    pub(super) fn record_probe(&mut self, request: &ApiRequest<'_>, now: Timestamp) {
        self.suspects = 0;
        self.last_probe = Some(now);
        self.probed.insert(key(request), now);
    }

    pub(super) fn record_refusal(&mut self, request: &ApiRequest<'_>, now: Timestamp) {
        self.refused.insert(key(request), now);
        if let Some(availability) = self.availability(request.endpoint) {
            availability.refused += 1;
        }
    }

    /// Whether this failure is cleared without another probe. `since` is when the request failed before, if it did: a
    /// probe has to be younger than that.
    pub(super) fn is_cleared(
        &mut self,
        request: &ApiRequest<'_>,
        failure: &Failure,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let explicit = failure.action == ResponseAction::Unavailable && !failure.from_cdn;
        if explicit && self.is_refusal_known(request, now) {
            return true;
        }
        self.suspects += 1;
        if self.suspects > MAX_UNPROBED {
            return false;
        }
        let probed = self
            .probed
            .get(&key(request))
            .copied()
            .max(since.and(self.last_probe));
        probed.is_some_and(|probed| {
            now.since(probed) < PROBE_VALID && since.is_none_or(|since| probed > since)
        })
    }

    /// Whether a probe has succeeded since `started`, by somebody else's request.
    pub(super) fn probed_since(&self, started: Timestamp) -> bool {
        self.last_probe.is_some_and(|probe| probe >= started)
    }

    /// Whether a refusal like this one was confirmed lately, so that retries are pointless.
    pub(super) fn is_confirmed(
        &mut self,
        request: &ApiRequest<'_>,
        failure: &Failure,
        now: Timestamp,
    ) -> bool {
        let is_refusal = matches!(
            failure.action,
            ResponseAction::Unavailable | ResponseAction::Suspect(Resolution::Unavailable)
        );
        let by_cdn = failure.from_cdn && failure.error.kind == Kind::InvalidCredentials;
        is_refusal
            && !by_cdn
            && (self.is_refusal_known(request, now) || self.is_breaker_open(request.endpoint))
    }

    fn is_refusal_known(&self, request: &ApiRequest<'_>, now: Timestamp) -> bool {
        let refused = self.refused.get(&key(request));
        refused.is_some_and(|refused| now.since(*refused) < REFUSAL_VALID)
    }

    fn is_breaker_open(&mut self, endpoint: Endpoint) -> bool {
        let availability = self.availability(endpoint);
        availability.is_some_and(|known| !known.succeeded && known.refused >= BREAKER_THRESHOLD)
    }

    fn availability(&mut self, endpoint: Endpoint) -> Option<&mut Availability> {
        match endpoint {
            Endpoint::Views => Some(&mut self.views),
            Endpoint::States => Some(&mut self.states),
            _ => None,
        }
    }
}

fn key(request: &ApiRequest<'_>) -> Key {
    let space = request.page.and_then(|page| page.space_id);
    (request.endpoint, space.map(Into::into))
}
