//! Which of the faults ordered hit a request, and how often they still will.

use std::sync::atomic::{AtomicU64, Ordering};

use super::corpus::Page;
use super::damage;
use super::endpoint::{Endpoint, EntryPoint, Target};
use super::fault::Fault;
use super::faults::FaultKind;
use super::parameters::Parameters;
use super::request::IncomingRequest;
use super::site::Site;

/// Faults with their counts. They are checked in order, and one that replaces the whole response
/// keeps those behind it from being counted.
#[derive(Debug, Default)]
pub struct FaultPlan {
    faults: Vec<(Fault, AtomicU64)>,
    requests: AtomicU64,
}

/// The faults that hit one request.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveFaults<'a> {
    faults: Vec<&'a Fault>,
    /// The number of the request, counted from 0 since the plan was made.
    pub(super) request_number: u64,
}

impl ActiveFaults<'_> {
    pub(super) fn get(&self, kind: FaultKind) -> Option<&Fault> {
        self.all().find(|fault| fault.kind == kind)
    }

    pub(super) fn has(&self, kind: FaultKind) -> bool {
        self.get(kind).is_some()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().copied()
    }
}

impl FromIterator<Fault> for FaultPlan {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        let faults = faults.into_iter();
        Self {
            faults: faults.map(|fault| (fault, AtomicU64::new(0))).collect(),
            requests: AtomicU64::new(0),
        }
    }
}

impl FaultPlan {
    /// The faults ordered, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().map(|(fault, _)| fault)
    }

    /// Counts a request and returns the faults that hit it. Only requests to the seven endpoints are hit.
    pub(super) fn active_faults(
        &self,
        site: &Site,
        entry: EntryPoint<'_>,
        target: Target<'_>,
        request: &IncomingRequest,
    ) -> ActiveFaults<'_> {
        let mut active = ActiveFaults {
            faults: Vec::new(),
            request_number: self.requests.fetch_add(1, Ordering::Relaxed),
        };
        let Target::Endpoint(endpoint, id) = target else {
            return active;
        };
        if self.faults.is_empty() {
            return active;
        }
        let facts = RequestFacts {
            site,
            entry,
            endpoint,
            id,
            page: site.page(id),
            parameters: Parameters::read(endpoint, &request.query).unwrap_or_default(),
            request,
        };
        for (fault, seen) in &self.faults {
            if facts.can_be_hit(fault) && is_due(fault, seen.fetch_add(1, Ordering::Relaxed)) {
                active.faults.push(fault);
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
    seen.checked_sub(fault.after).is_some_and(|seen| {
        seen.is_multiple_of(fault.every)
            && fault.count.is_none_or(|count| seen / fault.every < count)
    })
}

/// What a request asks for.
struct RequestFacts<'a> {
    site: &'a Site,
    entry: EntryPoint<'a>,
    endpoint: Endpoint,
    id: &'a str,
    page: Option<&'a Page>,
    parameters: Parameters,
    request: &'a IncomingRequest,
}

impl RequestFacts<'_> {
    fn can_be_hit(&self, fault: &Fault) -> bool {
        // Faults are the service's unless they name the authorization server.
        let usual = self.endpoint != Endpoint::Token;
        fault
            .endpoint
            .map_or(usual, |endpoint| endpoint == self.endpoint)
            && fault.page.as_ref().is_none_or(|page| page == self.id)
            && fault
                .space
                .as_ref()
                .is_none_or(|space| self.is_in_space(space))
            && self.fits(fault)
    }

    /// Whether the request is about a page of the space with this id or key.
    fn is_in_space(&self, space: &str) -> bool {
        let Some(page) = self.page else {
            return false;
        };
        let spaces = &self.site.corpus().spaces;
        page.space_id == space
            || spaces
                .iter()
                .any(|known| known.key == space && known.id == page.space_id)
    }

    /// Whether the request is of the kind that the fault is about.
    fn fits(&self, fault: &Fault) -> bool {
        use FaultKind as Kind;
        let listing = self.endpoint.is_listing();
        match fault.kind {
            Kind::MissingScope => {
                let needed = |scope: &String| self.endpoint.scopes().contains(&scope.as_str());
                matches!(self.entry, EntryPoint::Gateway(_))
                    && fault.scope.as_ref().is_none_or(needed)
            }
            Kind::ScopedOnSite => self.entry == EntryPoint::Site,
            Kind::ViewsRefused | Kind::ViewsMissing | Kind::AnalyticsDown => {
                self.endpoint == Endpoint::Views
            }
            Kind::StatesDisabled => self.endpoint == Endpoint::States,
            Kind::RouteGone => self.endpoint.is_v1(),
            Kind::PageGone | Kind::PageGoneBare => self.endpoint.is_about_a_page(),
            Kind::TooLargeLimit => listing && self.parameters.limit() > fault.limit,
            Kind::CursorExpires | Kind::ShortLivedCursors if !listing => false,
            Kind::CursorExpires => self.parameters.one("cursor").is_some(),
            Kind::Unsorted => {
                self.endpoint == Endpoint::Pages
                    && self.parameters.one("sort") == Some("-modified-date")
            }
            Kind::BadAccount => self.asks_for_account(fault.account.as_deref()),
            Kind::UnrequestedUser => self.endpoint == Endpoint::Users,
            Kind::StateWithoutName => self.endpoint == Endpoint::States && self.has_state(),
            Kind::RowWithoutKey | Kind::NoLinks => listing || self.endpoint == Endpoint::Users,
            Kind::CloseOnReuse => self.request.reuses_connection,
            Kind::Damage => damage::is_chosen(fault, self.request),
            Kind::ForeignNext
            | Kind::CursorCircle
            | Kind::EmptyPages
            | Kind::EmptyPage
            | Kind::ShortPages
            | Kind::NoNextButLink => listing,
            _ => true,
        }
    }

    fn has_state(&self) -> bool {
        let state = self.page.and_then(|page| page.state.as_ref());
        state.is_some_and(|state| state.content_state.is_some())
    }

    /// Whether users-bulk is asked for this account, or for the site's first one.
    fn asks_for_account(&self, account: Option<&str>) -> bool {
        let first = self.site.corpus().users.first();
        let account = account.or_else(|| first.map(|user| user.account_id.as_str()));
        self.endpoint == Endpoint::Users
            && account.is_some_and(|account| self.request.account_ids().any(|id| id == account))
    }
}

#[cfg(test)]
mod tests;
