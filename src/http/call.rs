//! A request that can be made again, and why it may stay without an answer.

use std::cell::Cell;

use super::classify::Problem;
use crate::api::Endpoint;
use crate::error::{Error, Kind};

/// One request, which can be made again.
#[derive(Debug)]
pub struct Call<'a> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The page that it is about; empty elsewhere.
    pub page: &'a str,
    /// The query without the limit, or nothing.
    pub query: String,
    /// The rows to ask for; halved when the service fails on them, since a smaller page may pass.
    pub limit: Option<&'a Cell<u32>>,
    /// The JSON body of a POST.
    pub body: Option<Vec<u8>>,
    /// Whether the query holds a cursor.
    pub cursor: bool,
}

impl<'a> Call<'a> {
    /// A request about a page, without parameters.
    #[must_use]
    pub fn about(endpoint: Endpoint, page: &'a str) -> Self {
        Self {
            endpoint,
            page,
            query: String::new(),
            limit: None,
            body: None,
            cursor: false,
        }
    }

    pub(super) fn path_and_query(&self) -> String {
        let limit = self.limit.map(|limit| format!("limit={}", limit.get()));
        let parts = [Some(self.query.as_str()), limit.as_deref()];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let mut text = self.endpoint.path(self.page);
        for (part, before) in parts.zip(["?", "&"]) {
            text.extend([before, part]);
        }
        text
    }
}

/// Why a call has no answer, when all that may mend it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The run can't go on.
    Failed(Error),
    /// The page has vanished since it was listed.
    Gone,
    /// The value can't be had; the row goes without it.
    Refused,
    /// The cursor is not accepted: the listing must start again.
    StaleCursor(Error),
}

impl From<Problem> for CallError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem.error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(error) | CallError::StaleCursor(error) => error,
            CallError::Gone => Self::new(
                Kind::UnexpectedResponse,
                "a page is gone where none was asked for",
            ),
            CallError::Refused => Self::new(
                Kind::UnexpectedResponse,
                "a value is refused that must be there",
            ),
        }
    }
}
