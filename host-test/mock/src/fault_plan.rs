//! Which of the faults ordered hit a request, and how often they still will.

use std::sync::atomic::{AtomicU64, Ordering};

use super::endpoint::{Endpoint, EntryPoint, Target};
use super::faults::{Fault, FaultKind};
use super::parameters::Parameters;
use super::request::IncomingRequest;

/// Faults with their counts. Faults are asked in order, and one that makes up a whole answer keeps
/// those behind it from being counted.
#[derive(Debug, Default)]
pub struct FaultPlan(Vec<(Fault, AtomicU64)>);

/// The faults that hit one request.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveFaults<'a>(Vec<&'a Fault>);

impl ActiveFaults<'_> {
    pub(super) fn get(&self, kind: FaultKind) -> Option<&Fault> {
        self.all().find(|fault| fault.kind == kind)
    }

    pub(super) fn has(&self, kind: FaultKind) -> bool {
        self.get(kind).is_some()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().copied()
    }
}

impl FromIterator<Fault> for FaultPlan {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(
            faults
                .into_iter()
                .map(|fault| (fault, AtomicU64::new(0)))
                .collect(),
        )
    }
}

impl FaultPlan {
    /// The faults ordered, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().map(|(fault, _)| fault)
    }

    /// Counts a request and returns the faults that hit it. Only requests to the seven endpoints are hit.
    pub(super) fn active_faults(
        &self,
        entry: EntryPoint<'_>,
        target: Target<'_>,
        request: &IncomingRequest,
    ) -> ActiveFaults<'_> {
        let mut active = ActiveFaults::default();
        let Target::Endpoint(endpoint, id) = target else {
            return active;
        };
        if self.0.is_empty() {
            return active;
        }
        let facts = RequestFacts {
            entry,
            endpoint,
            id,
            parameters: Parameters::read(endpoint, &request.query).unwrap_or_default(),
        };
        for (fault, seen) in &self.0 {
            if facts.can_be_hit(fault) && is_due(fault, seen.fetch_add(1, Ordering::Relaxed)) {
                active.0.push(fault);
                if fault.kind.is_whole_answer() {
                    break;
                }
            }
        }
        active
    }
}

/// Whether a fault hits, after it could have hit so many requests.
fn is_due(fault: &Fault, seen: u64) -> bool {
    seen >= fault.after && fault.count.is_none_or(|count| seen - fault.after < count)
}

/// What a request asks for.
struct RequestFacts<'a> {
    entry: EntryPoint<'a>,
    endpoint: Endpoint,
    id: &'a str,
    parameters: Parameters,
}

impl RequestFacts<'_> {
    fn can_be_hit(&self, fault: &Fault) -> bool {
        fault
            .endpoint
            .is_none_or(|endpoint| endpoint == self.endpoint)
            && fault.page.as_ref().is_none_or(|page| page == self.id)
            && self.fits(fault)
    }

    /// Whether the request is of the kind that the fault is about.
    fn fits(&self, fault: &Fault) -> bool {
        let listing = self.endpoint.is_listing();
        match fault.kind {
            FaultKind::MissingScope => {
                let needed = |scope: &String| self.endpoint.scopes().contains(&scope.as_str());
                matches!(self.entry, EntryPoint::Gateway(_))
                    && fault.scope.as_ref().is_none_or(needed)
            }
            FaultKind::ScopedOnSite => self.entry == EntryPoint::Site,
            FaultKind::ViewsRefused | FaultKind::ViewsMissing => self.endpoint == Endpoint::Views,
            FaultKind::PageGone | FaultKind::PageGoneBare => self.endpoint.is_about_a_page(),
            FaultKind::TooLargeLimit => listing && self.parameters.limit() > fault.limit,
            FaultKind::CursorExpires => listing && self.parameters.one("cursor").is_some(),
            FaultKind::Unsorted => {
                self.endpoint == Endpoint::Pages
                    && self.parameters.one("sort") == Some("-modified-date")
            }
            FaultKind::ForeignNext
            | FaultKind::CursorCircle
            | FaultKind::EmptyPages
            | FaultKind::EmptyPage
            | FaultKind::ShortPages
            | FaultKind::NoNextButLink => listing,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
