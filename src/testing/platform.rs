//! How the simulation answers: each request after its latency, edits when they are due, one log of all of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mock_confluence::{AccessPolicy, Arrival, IncomingRequest, Reply};

use super::edit::Edit;
use super::log::{Event, Sent};
use super::{BEGINNING, Simulation};
use crate::client::{Headers, Platform, Request, Response, TransportError};
use crate::note::Note;
use crate::timestamp::Timestamp;

impl Simulation {
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
        if self.is_instant {
            return Duration::ZERO;
        }
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
        site.clock = Some(self.time() + self.date_ahead.get());
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
