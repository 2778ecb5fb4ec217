//! Requests, asked until they are settled: the loop round the gate, the platform and the judgements.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::call::{Call, CallError};
use super::classify::{Asked, Nature, Problem, Settled, classify};
use super::gate::Gate;
use super::retry::{Facts, Verdict, asked_wait, judge};
use super::{Platform, Request, Response, TransportError};
use crate::api::Endpoint;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::note::Note;
use crate::timestamp::{Timestamp, millis};

/// Tries of a doubtful answer after the collection has answered that the credentials are good. Where the network's
/// edge made it up, all tries there are: such a run was seen to last about a minute.
const DOUBTS: u32 = 3;
/// Values that were refused one after the other, and never one that came, until the next refusal is believed at
/// once: on a site whose plan lacks them, each page would cost a minute.
const LESSONS: u32 = 3;

/// The one way to the service for a call of the component.
#[derive(Debug)]
pub struct Client<'a, P> {
    platform: &'a P,
    config: &'a Config,
    gate: Gate,
    requests: Cell<u64>,
    /// Whether a collection has answered: the credentials were good then.
    proven: Cell<bool>,
    /// The service's clock in its first answer.
    started: Cell<Option<Timestamp>>,
    probe_turn: Gate,
    probes: RefCell<(u64, Result<(), Failure>)>,
    /// What was learnt of the two values that not every page has.
    views: Cell<Lesson>,
    states: Cell<Lesson>,
}

/// Whether a value ever came, and how many were refused for good.
#[derive(Debug, Clone, Copy, Default)]
struct Lesson {
    came: bool,
    refused: u32,
}

impl<'a, P: Platform> Client<'a, P> {
    /// A client for the site of `config`.
    pub fn new(platform: &'a P, config: &'a Config) -> Self {
        Self {
            platform,
            config,
            gate: Gate::new(config.max_concurrency),
            requests: Cell::new(0),
            proven: Cell::new(false),
            started: Cell::new(None),
            probe_turn: Gate::new(1),
            probes: RefCell::new((0, Ok(()))),
            views: Cell::default(),
            states: Cell::default(),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// The platform.
    pub fn platform(&self) -> &'a P {
        self.platform
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.platform.now()
    }

    /// Passes advice to the host.
    pub fn notify(&self, note: &Note<'_>) {
        self.platform.notify(note);
    }

    /// How long requests waited.
    pub fn waited(&self) -> Duration {
        Duration::ZERO
    }

    /// Requests sent so far.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// When this call began, by the service's own clock, so that a clock that is wrong here loses nothing.
    pub fn started_at(&self) -> Timestamp {
        self.started.get().unwrap_or_else(|| self.platform.now())
    }

    /// Makes a call and settles what is doubtful about its answer.
    ///
    /// # Errors
    ///
    /// What is left when patience and doubts are used up.
    pub async fn call(&self, call: &Call<'_>) -> Result<Response, CallError> {
        let mut trial = Trial::default();
        let mut doubts = 0;
        loop {
            let problem = match self.exchange(call, &mut trial).await {
                Ok(response) => return Ok(response),
                Err(problem) => problem,
            };
            let Problem { error, nature, .. } = &problem;
            let settled = match *nature {
                Nature::StaleCursor => return Err(CallError::StaleCursor(problem.error)),
                Nature::Refused => return Err(CallError::Refused),
                Nature::Doubtful(Settled::Refused) if self.is_hopeless(call.endpoint) => {
                    return Err(CallError::Refused);
                }
                Nature::Missing => Settled::Gone,
                Nature::Doubtful(settled) => settled,
                Nature::Final | Nature::Transient | Nature::Limited => {
                    return Err(CallError::Failed(problem.error));
                }
            };
            let probe = self.probe().await;
            let believed = probe.is_ok();
            doubts += u32::from(believed);
            let enough = doubts > DOUBTS && !problem.from_the_edge;
            if believed && (*nature == Nature::Missing || enough) {
                return Err(self.settle(settled, problem.error, call.endpoint));
            }
            let failure = probe.err().unwrap_or_else(|| Failure {
                problem: problem.clone(),
                asked: None,
            });
            match self.wait(&mut trial, failure).await {
                // No try is left: the collection's answer is all there is to go by.
                Err(_) if believed => {
                    return Err(self.settle(settled, error.clone(), call.endpoint));
                }
                waited => waited?,
            }
        }
    }

    fn settle(&self, settled: Settled, error: Error, endpoint: Endpoint) -> CallError {
        match settled {
            Settled::Gone => CallError::Gone,
            Settled::Final => CallError::Failed(error),
            Settled::Refused => {
                self.learn(endpoint, |lesson| lesson.refused += 1);
                CallError::Refused
            }
        }
    }

    fn is_hopeless(&self, endpoint: Endpoint) -> bool {
        let lesson = self.lesson(endpoint).map(Cell::get);
        lesson.is_some_and(|lesson| !lesson.came && lesson.refused >= LESSONS)
    }

    fn learn(&self, endpoint: Endpoint, what: impl Fn(&mut Lesson)) {
        if let Some(lesson) = self.lesson(endpoint) {
            let mut learnt = lesson.get();
            what(&mut learnt);
            lesson.set(learnt);
        }
    }

    fn lesson(&self, endpoint: Endpoint) -> Option<&Cell<Lesson>> {
        match endpoint {
            Endpoint::Views => Some(&self.views),
            Endpoint::States => Some(&self.states),
            _ => None,
        }
    }

    /// Asks the collection of pages whether the credentials are still good. The answer is shared by all who
    /// ask while the question is under way.
    async fn probe(&self) -> Result<(), Failure> {
        let before = self.probes.borrow().0;
        let _turn = self.probe_turn.enter(false).await;
        if self.probes.borrow().0 == before {
            let limit = Cell::new(1);
            let call = Call {
                limit: Some(&limit),
                ..Call::about(Endpoint::Pages, "")
            };
            let answer = self.attempt(&call, true).await;
            *self.probes.borrow_mut() = (before + 1, answer.map(drop));
        }
        self.probes.borrow().1.clone()
    }

    /// Makes a call until it is answered or trying again makes no sense. Leaves doubts to the caller.
    ///
    /// # Errors
    ///
    /// The problem that stays.
    pub async fn exchange(&self, call: &Call<'_>, trial: &mut Trial) -> Result<Response, Problem> {
        loop {
            let failure = match self.attempt(call, trial.failed > 0).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let problem = &failure.problem;
            let known_good = self.proven.get() && !call.endpoint.is_per_page() && !trial.probing;
            match problem.nature {
                Nature::Transient | Nature::Limited => {}
                // The credentials were good a moment ago: false 403s and 404s come and go under load.
                Nature::Final if known_good && is_of_load(&problem.error) => {}
                _ => return Err(failure.problem),
            }
            shrink(call, problem);
            self.wait(trial, failure).await?;
        }
    }

    /// Waits before the next try, as long as the service asks or the policy says.
    async fn wait(&self, trial: &mut Trial, failure: Failure) -> Result<(), Problem> {
        let Failure { mut problem, asked } = failure;
        trial.failed += 1;
        let facts = Facts {
            failed: trial.failed,
            waited: trial.waited,
            asked,
            random: self.platform.random(),
        };
        let wait = match judge(&self.config.retry, &facts) {
            Verdict::Wait(wait) => wait,
            Verdict::GiveUp => {
                problem.error.retry_after = asked;
                return Err(problem);
            }
        };
        let reason = match (problem.error.kind, problem.error.http_status) {
            (Kind::RateLimited, _) => "rate limit".to_owned(),
            (_, Some(status)) => format!("HTTP {status}"),
            _ => "no answer".to_owned(),
        };
        self.platform.notify(&Note::Wait {
            ms: millis(wait),
            reason: &reason,
        });
        let _hold = (problem.nature == Nature::Limited).then(|| {
            self.gate.halve();
            self.gate.hold()
        });
        self.platform.sleep(wait).await;
        trial.waited += wait;
        Ok(())
    }

    /// One try.
    async fn attempt(&self, call: &Call<'_>, again: bool) -> Result<Response, Failure> {
        // What others wait for goes first: a page whose listing goes on, or one that is tried again.
        let permit = self.gate.enter(again || call.cursor).await;
        self.requests.set(self.requests.get() + 1);
        let path_and_query = call.path_and_query();
        let request = Request {
            path_and_query: &path_and_query,
            body: call.body.as_deref(),
            headers: [
                Some("x-ratelimit-nearlimit"),
                call.limit.map(|_| "link"),
                self.started.get().is_none().then_some("date"),
            ],
            timeout: self.config.timeout,
        };
        let answer = self.platform.send(&request).await;
        drop(permit);
        let response = answer.map_err(|error| transport_failure(call.endpoint, &error))?;
        self.look_at_clock(&response);
        let asked = Asked {
            endpoint: call.endpoint,
            config: self.config,
            cursor: call.cursor,
        };
        if let Err(mut problem) = classify(asked, &response) {
            problem.error.message = self.config.redact(&problem.error.message);
            return Err(Failure {
                problem,
                asked: asked_wait(&response.headers, self.now_there(&response)),
            });
        }
        self.proven
            .set(self.proven.get() || !call.endpoint.is_per_page());
        self.learn(call.endpoint, |lesson| lesson.came = true);
        if response
            .headers
            .get("x-ratelimit-nearlimit")
            .is_some_and(|near| near.eq_ignore_ascii_case("true"))
        {
            self.gate.ease();
        } else {
            self.gate.succeeded();
        }
        Ok(response)
    }

    fn look_at_clock(&self, response: &Response) {
        if self.started.get().is_none() {
            self.started.set(Some(self.now_there(response)));
        }
    }

    /// The time by the service's own clock, where it tells it.
    fn now_there(&self, response: &Response) -> Timestamp {
        let date = response.headers.get("date");
        let date = date.and_then(Timestamp::parse_http);
        date.unwrap_or_else(|| self.platform.now())
    }
}

/// What one call has gone through.
#[derive(Debug, Default)]
pub struct Trial {
    failed: u32,
    waited: Duration,
    /// Whether the answer itself is what is asked for, and not what becomes of it later.
    probing: bool,
}

impl Trial {
    /// For a call; `probing` takes the service at its word.
    #[must_use]
    pub fn new(probing: bool) -> Self {
        Self {
            probing,
            ..Self::default()
        }
    }
}

/// A failed try.
#[derive(Debug, Clone)]
struct Failure {
    problem: Problem,
    /// The wait that the answer asks for.
    asked: Option<Duration>,
}

fn transport_failure(endpoint: Endpoint, error: &TransportError) -> Failure {
    let (kind, nature) = match error {
        TransportError::Timeout(_) | TransportError::Network(_) => {
            (Kind::Unavailable, Nature::Transient)
        }
        TransportError::Denied(_) | TransportError::Certificate(_) => {
            (Kind::InvalidConfig, Nature::Final)
        }
        TransportError::TooLarge => (Kind::UnexpectedResponse, Nature::Final),
    };
    let error = Error::new(kind, format!("{error} ({endpoint})")).at(endpoint);
    Failure {
        problem: Problem {
            error,
            nature,
            from_the_edge: false,
        },
        asked: None,
    }
}

/// Whether an answer is one of those that were seen to come and go under load, other than about a page.
fn is_of_load(error: &Error) -> bool {
    match error.http_status {
        Some(403) => error.kind == Kind::InvalidCredentials,
        status => status == Some(404),
    }
}

/// A listing that times out at the service may pass with half as many rows (Onyx goes down to 5).
fn shrink(call: &Call<'_>, problem: &Problem) {
    let overtaxed = matches!(problem.error.http_status, Some(500 | 502..=504));
    if let Some(limit) = call.limit.filter(|limit| overtaxed && limit.get() > 5) {
        limit.set((limit.get() / 2).max(5));
    }
}
