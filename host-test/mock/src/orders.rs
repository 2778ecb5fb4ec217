//! Which of the faults ordered hit a request, and how often they still will.

use std::sync::atomic::{AtomicU64, Ordering};

use super::endpoint::{Door, Endpoint, Target};
use super::faults::{Fault, Kind};
use super::parameters::Parameters;
use super::request::Request;

/// Faults with their counts. Faults are asked in order, and one that makes up a whole answer keeps
/// those behind it from being counted.
#[derive(Debug, Default)]
pub struct Orders(Vec<(Fault, AtomicU64)>);

/// The faults that hit one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Hits<'a>(Vec<&'a Fault>);

impl Hits<'_> {
    pub(super) fn get(&self, kind: Kind) -> Option<&Fault> {
        self.all().find(|fault| fault.kind == kind)
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.get(kind).is_some()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().copied()
    }
}

impl FromIterator<Fault> for Orders {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(
            faults
                .into_iter()
                .map(|fault| (fault, AtomicU64::new(0)))
                .collect(),
        )
    }
}

impl Orders {
    /// The faults ordered, in order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().map(|(fault, _)| fault)
    }

    /// Counts a request and says what hits it. Only requests to the seven endpoints are hit.
    pub(super) fn hits(&self, door: Door<'_>, target: Target<'_>, request: &Request) -> Hits<'_> {
        let mut hits = Hits::default();
        let Target::Endpoint(endpoint, id) = target else {
            return hits;
        };
        if self.0.is_empty() {
            return hits;
        }
        let asked = Asked {
            door,
            endpoint,
            id,
            parameters: Parameters::read(endpoint, &request.query).unwrap_or_default(),
        };
        for (fault, seen) in &self.0 {
            if asked.can_be_hit(fault) && is_due(fault, seen.fetch_add(1, Ordering::Relaxed)) {
                hits.0.push(fault);
                if fault.kind.is_whole_answer() {
                    break;
                }
            }
        }
        hits
    }
}

/// Whether a fault hits, after it could have hit so many requests.
fn is_due(fault: &Fault, seen: u64) -> bool {
    seen >= fault.after && fault.count.is_none_or(|count| seen - fault.after < count)
}

/// What a request asks for.
struct Asked<'a> {
    door: Door<'a>,
    endpoint: Endpoint,
    id: &'a str,
    parameters: Parameters,
}

impl Asked<'_> {
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
            Kind::MissingScope => {
                let needed = |scope: &String| self.endpoint.scopes().contains(&scope.as_str());
                matches!(self.door, Door::Gateway(_)) && fault.scope.as_ref().is_none_or(needed)
            }
            Kind::ScopedOnSite => self.door == Door::Site,
            Kind::ViewsRefused | Kind::ViewsMissing => self.endpoint == Endpoint::Views,
            Kind::PageGone | Kind::PageGoneBare => self.endpoint.is_about_a_page(),
            Kind::TooLargeLimit => listing && self.parameters.limit() > fault.limit,
            Kind::CursorExpires => listing && self.parameters.one("cursor").is_some(),
            Kind::Unsorted => {
                self.endpoint == Endpoint::Pages
                    && self.parameters.one("sort") == Some("-modified-date")
            }
            Kind::ForeignNext
            | Kind::CursorCircle
            | Kind::EmptyPages
            | Kind::EmptyPage
            | Kind::ShortPages
            | Kind::NoNextButLink => listing,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::endpoint::route;

    fn hit(orders: &Orders, target: &str) -> Vec<&'static str> {
        let request = Request::get(target);
        let (door, target) = route(&request.path);
        orders
            .hits(door, target, &request)
            .all()
            .map(|fault| fault.kind.name())
            .collect()
    }

    fn orders(faults: &[&str]) -> Orders {
        faults
            .iter()
            .map(|fault| fault.parse::<Fault>().unwrap())
            .collect()
    }

    #[test]
    fn faults_wait_and_end() {
        let orders = orders(&["500:after=1,count=2"]);
        let hits: Vec<bool> = (0..5)
            .map(|_| !hit(&orders, "/wiki/api/v2/spaces").is_empty())
            .collect();
        assert_eq!(hits, [false, true, true, false, false]);
    }

    #[test]
    fn faults_follow_each_other() {
        let orders = orders(&[
            "near-limit",
            "503:count=1",
            "rate-limit:count=1",
            "drip:count=1",
        ]);
        for expected in [
            vec!["near-limit", "503"],
            vec!["near-limit", "rate-limit"],
            vec!["near-limit", "drip"],
            vec!["near-limit"],
        ] {
            assert_eq!(hit(&orders, "/wiki/api/v2/spaces"), expected);
        }
    }

    #[test]
    fn faults_hit_what_they_are_about() {
        let gateway = "/ex/confluence/x/wiki/api/v2/pages/7/labels";
        for (fault, target, expected) in [
            ("500:endpoint=labels", "/wiki/api/v2/pages/7/labels", true),
            (
                "500:endpoint=labels",
                "/wiki/api/v2/pages/7/versions",
                false,
            ),
            ("500:page=7", "/wiki/api/v2/pages/7/versions", true),
            ("500:page=7", "/wiki/api/v2/pages/8/versions", false),
            ("500:page=7", "/wiki/api/v2/pages", false),
            ("500", "/_edge/tenant_info", false),
            ("missing-scope:scope=read:page:confluence", gateway, true),
            ("missing-scope", gateway, true),
            ("missing-scope", "/wiki/api/v2/pages", false),
            ("missing-scope:scope=read:user:confluence", gateway, false),
            ("scoped-on-site", gateway, false),
            ("scoped-on-site", "/wiki/api/v2/pages", true),
            (
                "views-refused",
                "/wiki/rest/api/analytics/content/7/views",
                true,
            ),
            ("views-refused", "/wiki/rest/api/content/7/state", false),
            ("page-gone", "/wiki/rest/api/content/7/state", true),
            ("page-gone", "/wiki/api/v2/pages", false),
            ("too-large-limit", "/wiki/api/v2/pages?limit=51", true),
            ("too-large-limit", "/wiki/api/v2/pages?limit=50", false),
            ("cursor-expires", "/wiki/api/v2/pages", false),
            ("cursor-expires", "/wiki/api/v2/pages?cursor=x", true),
            ("unsorted", "/wiki/api/v2/pages?sort=-modified-date", true),
            ("unsorted", "/wiki/api/v2/pages?sort=id", false),
            ("short-pages", "/wiki/rest/api/content/7/state", false),
        ] {
            assert_eq!(
                !hit(&orders(&[fault]), target).is_empty(),
                expected,
                "{fault} {target}"
            );
        }
    }
}
