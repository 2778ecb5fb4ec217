//! A simulation to test in: the mock's pure core as the service, a clock that jumps to the next event, injected faults
//! and edits, and one log of everything that happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod clock;
mod edit;
mod key;
mod log;
mod oracle;
mod platform;
mod recorder;
mod script;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use mock_confluence::{AccessPolicy, Corpus, CorpusSpec, FaultPlan, Site};
use serde_json::{Value, json};

use self::clock::Clock;
use self::script::Script;
use crate::client::Response;
use crate::endpoint::Endpoint;

use self::edit::apply;
pub(crate) use self::edit::{Edit, Versioned};
pub(crate) use self::log::{Event, Sent};
pub(crate) use self::oracle::{Rows, Tables, oracle};
pub(crate) use self::recorder::{Recorder, Swept};
pub(crate) use self::script::{Answer, response};

/// When every simulation begins: 2026-11-01T00:00:00Z, a month after the last page of a made-up site.
const BEGINNING: i64 = 1_793_491_200_000;

/// A service, a clock, and what they were asked for.
pub(crate) struct Simulation {
    pub(crate) site: RefCell<Site>,
    faults: RefCell<FaultPlan>,
    /// What happens to the site before so many requests were answered.
    edits: RefCell<Vec<(usize, Edit)>>,
    /// Pages that were changed in ways that make no version.
    pub(crate) unversioned: RefCell<Vec<String>>,
    clock: Clock,
    /// How far the clock of what answers is ahead.
    pub(crate) date_ahead: Cell<Duration>,
    seed: u64,
    /// Whether answers take no time.
    is_instant: bool,
    drawn: Cell<u64>,
    answered: Cell<usize>,
    in_flight: Cell<usize>,
    /// Requests that may be in flight.
    most: Cell<usize>,
    pub(crate) busiest: Cell<usize>,
    /// Whether the gateway is asked, and not the site.
    gateway: bool,
    /// An answer to everything instead of the mock's.
    canned: RefCell<Option<Response>>,
    script: Script,
    log: RefCell<Vec<(u64, Event)>>,
}

impl Simulation {
    /// A simulation with this site; another seed gives other latencies and jitter, 0 gives none.
    pub(crate) fn new(corpus: Corpus, seed: u64) -> Self {
        Self {
            site: RefCell::new(Site::new(corpus, AccessPolicy::default())),
            faults: RefCell::default(),
            edits: RefCell::default(),
            unversioned: RefCell::default(),
            clock: Clock::default(),
            date_ahead: Cell::default(),
            seed,
            is_instant: false,
            drawn: Cell::default(),
            answered: Cell::default(),
            in_flight: Cell::default(),
            most: Cell::new(8),
            busiest: Cell::default(),
            gateway: true,
            canned: RefCell::default(),
            script: Script::default(),
            log: RefCell::default(),
        }
    }

    /// The same simulation, asked at the site's own address.
    pub(crate) fn at_site(mut self) -> Self {
        self.gateway = false;
        self
    }

    /// The same simulation, whose answers take no time.
    pub(crate) fn without_latency(mut self) -> Self {
        self.is_instant = true;
        self
    }

    /// Injects faults, as on the mock's command line, instead of those before.
    pub(crate) fn inject_faults(&self, faults: &[&str]) {
        let parsed = faults.iter().map(|fault| fault.parse().unwrap());
        *self.faults.borrow_mut() = parsed.collect();
    }

    /// Schedules edits, each before so many requests were answered.
    pub(crate) fn plan_edits(&self, mut edits: Vec<(usize, Edit)>) {
        edits.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        *self.edits.borrow_mut() = edits;
    }

    /// Plans an edit for when so many more requests were answered.
    pub(crate) fn edit_after(&self, requests: usize, edit: Edit) {
        let at = self.answered.get() + requests;
        let mut edits = self.edits.borrow_mut();
        edits.push((at, edit));
        edits.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    }

    /// Answers everything in the same way from now on.
    pub(crate) fn respond_with(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        *self.canned.borrow_mut() = Some(response(status, headers, body));
    }

    /// Answers the next requests to an endpoint with these, in their order. A call has to ask for all of them.
    pub(crate) fn script(
        &self,
        endpoint: Endpoint,
        answers: impl IntoIterator<Item = impl Into<Answer>>,
    ) {
        let answers = answers.into_iter().map(Into::into);
        self.script.add(endpoint, answers);
    }

    /// A configuration for this simulation, with some fields set otherwise.
    pub(crate) fn config(&self, other: Value) -> String {
        let site = self.site.borrow();
        let base_url = if self.gateway {
            let cloud_id = &site.corpus().cloud_id;
            format!("https://api.atlassian.com/ex/confluence/{cloud_id}")
        } else {
            site.corpus().site.clone()
        };
        let mut config = json!({
            "base_url": base_url,
            "username": site.access.username,
            "api_token": site.access.token,
        });
        let Value::Object(other) = other else {
            panic!("a configuration is an object")
        };
        if let Some(most) = other.get("max_concurrency").and_then(Value::as_u64) {
            self.most.set(usize::try_from(most).unwrap());
        }
        config.as_object_mut().unwrap().extend(other);
        config.to_string()
    }

    /// Runs a call to its end, however long that takes in this simulation.
    pub(crate) fn run<T>(&self, call: impl Future<Output = T>) -> T {
        let result = self.clock.run(call);
        assert_eq!(self.in_flight.get(), 0, "no request outlives its call");
        assert_eq!(
            self.script.unused(),
            0,
            "every scripted answer is asked for"
        );
        result
    }

    /// Lets time pass between two calls.
    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Changes the site now.
    pub(crate) fn edit(&self, edit: &Edit) {
        let now = rfc3339(self.clock.millis());
        let mut unversioned = self.unversioned.borrow_mut();
        self.site
            .borrow_mut()
            .edit(|corpus| apply(*edit, corpus, &now, &mut unversioned));
    }

    /// What the site holds now.
    pub(crate) fn corpus(&self) -> Corpus {
        self.site.borrow().corpus().clone()
    }

    pub(crate) fn record(&self, event: Event) {
        self.log.borrow_mut().push((self.clock.millis(), event));
    }

    /// Takes the log so far.
    pub(crate) fn take_log(&self) -> Vec<(u64, Event)> {
        self.log.take()
    }

    /// The requests sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let log = self.log.borrow();
        let sent = log.iter().filter_map(|(_, event)| match event {
            Event::Sent(sent) => Some(sent.clone()),
            _ => None,
        });
        sent.collect()
    }
}

/// A time of the simulation as the service writes it.
pub(crate) fn rfc3339(millis: u64) -> String {
    let millis = BEGINNING + i64::try_from(millis).unwrap();
    let time = jiff::Timestamp::from_millisecond(millis).unwrap();
    format!("{time:.3}")
}

/// A made-up site in which no page has more than a few versions and labels.
pub(crate) fn small_site(pages: usize, seed: u64) -> Corpus {
    let mut corpus = Corpus::generate(&CorpusSpec {
        pages,
        spaces: 3,
        users: 8,
        seed,
    });
    for page in &mut corpus.pages {
        page.versions.truncate(4);
        page.labels.truncate(4);
    }
    corpus
}
