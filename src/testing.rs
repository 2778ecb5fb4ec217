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
mod recorder;
mod script;

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mock_confluence::{
    AccessPolicy, Arrival, Corpus, CorpusSpec, FaultPlan, IncomingRequest, Reply, Site,
};
use serde_json::{Value, json};

use self::clock::Clock;
use self::script::Script;
use crate::client::{Headers, Platform, Request, Response, TransportError};
use crate::endpoint::Endpoint;
use crate::note::Note;
use crate::timestamp::Timestamp;

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
    seed: u64,
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
            seed,
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

    fn draw(&self) -> u64 {
        self.drawn.set(self.drawn.get() + 1);
        // SplitMix64.
        let mut bits = self
            .seed
            .wrapping_add(self.drawn.get().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn latency(&self) -> Duration {
        let extra = if self.seed == 0 { 0 } else { self.draw() % 80 };
        Duration::from_millis(20 + extra)
    }

    /// What the service says at this moment.
    fn answer(&self, request: &Request<'_>) -> Reply {
        self.answered.set(self.answered.get() + 1);
        let due = |(at, _): &mut (usize, Edit)| *at <= self.answered.get();
        while let Some((_, edit)) = {
            let mut edits = self.edits.borrow_mut();
            let last = edits.last_mut().is_some_and(due);
            last.then(|| edits.pop().unwrap())
        } {
            self.edit(&edit);
        }
        let mut site = self.site.borrow_mut();
        site.clock = Some(self.time());
        let prefix = if self.gateway {
            format!("/ex/confluence/{}", site.corpus().cloud_id)
        } else {
            String::new()
        };
        let target = format!("{prefix}{}", request.path_and_query);
        let asked = match request.body {
            Some(body) => IncomingRequest::post(&target, std::str::from_utf8(body).unwrap()),
            None => IncomingRequest::get(&target),
        };
        let asked = asked.with_basic(
            &AccessPolicy::default().username,
            &AccessPolicy::default().token,
        );
        mock_confluence::answer_with(&site, &asked, &self.faults.borrow())
    }

    fn time(&self) -> SystemTime {
        let millis = u64::try_from(BEGINNING).unwrap() + self.clock.millis();
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    /// What becomes of an answer on its way.
    async fn carry(&self, reply: Reply, request: &Request<'_>) -> Result<Response, TransportError> {
        match reply.transmission.arrival() {
            Arrival::Whole => Ok(reply_as_response(&reply)),
            Arrival::Beginning(bytes) => {
                let mut response = reply_as_response(&reply);
                response.body.truncate(usize::try_from(bytes).unwrap());
                Ok(response)
            }
            Arrival::TooLarge => Err(TransportError::TooLarge),
            Arrival::Broken => Err(TransportError::Network("it broke off".into())),
            Arrival::Never => {
                self.sleep(request.timeout).await;
                Err(TransportError::Timeout(request.timeout))
            }
        }
    }
}

impl Platform for Simulation {
    async fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let _in_flight = InFlightGuard::new(self);
        self.sleep(self.latency()).await;
        let mut sent = Sent::new(request);
        let canned = self.canned.borrow().clone().map(Ok);
        let answer = match canned.or_else(|| self.script.next(sent.endpoint)) {
            Some(answer) => answer,
            None => self.carry(self.answer(request), request).await,
        };
        sent.status = answer.as_ref().ok().map(|response| response.status);
        self.record(Event::Sent(sent));
        answer
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    fn notify(&self, note: &Note<'_>) {
        self.record(Event::Note(note.to_json()));
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGINNING + i64::try_from(self.clock.millis()).unwrap())
    }

    fn random(&self) -> f64 {
        if self.seed == 0 {
            return 0.5;
        }
        f64::from(u32::try_from(self.draw() >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

fn reply_as_response(reply: &Reply) -> Response {
    let headers = reply.headers.iter();
    let headers = headers.map(|(name, value)| {
        let value = value.to_str().unwrap();
        (name.to_string(), value.to_owned())
    });
    Response {
        status: reply.status.as_u16(),
        headers: Headers(headers.collect()),
        body: reply.body.to_vec(),
    }
}

/// A request in flight.
struct InFlightGuard<'a>(&'a Simulation);

impl<'a> InFlightGuard<'a> {
    fn new(simulation: &'a Simulation) -> Self {
        let now = simulation.in_flight.get() + 1;
        assert!(now <= simulation.most.get(), "{now} requests in flight");
        simulation.in_flight.set(now);
        simulation.busiest.set(simulation.busiest.get().max(now));
        Self(simulation)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
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
