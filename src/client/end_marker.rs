//! How the service marks the end of the listings of each endpoint, as far as a run has seen.

use std::cell::Cell;

use crate::endpoint::Endpoint;

/// How the end of a listing is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndMarker {
    /// None came to its end so far.
    #[default]
    Unknown,
    /// With links without a next one, as the service does: an end that has none is odd.
    Explicit,
    /// Without any links.
    Implicit,
}

/// What was seen of each endpoint.
#[derive(Debug, Default)]
pub(super) struct EndMarkers(Cell<[EndMarker; Endpoint::ALL.len()]>);

impl EndMarkers {
    pub(super) fn of(&self, endpoint: Endpoint) -> EndMarker {
        let markers = self.0.get();
        markers.get(endpoint as usize).copied().unwrap_or_default()
    }

    /// Takes note of an end; an explicit one stays known. Whether that is new.
    pub(super) fn record(&self, endpoint: Endpoint, marker: EndMarker) -> bool {
        let mut markers = self.0.get();
        let Some(known) = markers.get_mut(endpoint as usize) else {
            return false;
        };
        if *known == marker || *known == EndMarker::Explicit {
            return false;
        }
        *known = marker;
        self.0.set(markers);
        true
    }
}
