//! Answers that a test writes down, in place of the mock's.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use crate::client::{Headers, Response, TransportError};
use crate::endpoint::Endpoint;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer(Result<Response, TransportError>);

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self(Ok(response))
    }
}

impl From<TransportError> for Answer {
    fn from(error: TransportError) -> Self {
        Self(Err(error))
    }
}

/// For each endpoint the answers to its next requests, in their order.
#[derive(Default)]
pub(super) struct Script(RefCell<BTreeMap<Endpoint, VecDeque<Answer>>>);

impl Script {
    pub(super) fn add(&self, endpoint: Endpoint, answers: impl Iterator<Item = Answer>) {
        let mut script = self.0.borrow_mut();
        script.entry(endpoint).or_default().extend(answers);
    }

    pub(super) fn next(&self, endpoint: Endpoint) -> Option<Result<Response, TransportError>> {
        let next = self.0.borrow_mut().get_mut(&endpoint)?.pop_front();
        next.map(|Answer(answer)| answer)
    }

    /// How many answers nobody has asked for.
    pub(super) fn unused(&self) -> usize {
        self.0.borrow().values().map(VecDeque::len).sum()
    }
}

/// An answer with a status, headers and a body.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Response {
        status,
        headers: Headers(headers.collect()),
        body: body.as_bytes().to_vec(),
    }
}
