//! A request that can be sent again, and why it may end without an answer.

use std::cell::Cell;

use super::classify::{Failure, Resolution, ResponseAction};
use crate::endpoint::{Endpoint, PageRef};
use crate::error::{Error, Kind};

/// The smallest page of a listing that is requested (Onyx goes down to 5).
const SMALLEST_LIMIT: u32 = 5;

/// A request that can be sent again.
#[derive(Debug)]
pub struct ApiRequest<'a> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The page that it is about.
    pub page: Option<PageRef<'a>>,
    /// The query without cursor and limit, or nothing.
    pub query: String,
    /// The rows to ask for; halved where fewer may be answered.
    pub limit: Option<&'a Cell<u32>>,
    /// The JSON body of a POST.
    pub body: Option<Vec<u8>>,
    /// Whether the query holds a cursor.
    pub has_cursor: bool,
}

impl<'a> ApiRequest<'a> {
    /// A request without parameters.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            page: None,
            query: String::new(),
            limit: None,
            body: None,
            has_cursor: false,
        }
    }

    /// A request about a page, without parameters.
    #[must_use]
    pub fn about(endpoint: Endpoint, page: PageRef<'a>) -> Self {
        Self {
            page: Some(page),
            ..Self::new(endpoint)
        }
    }

    pub(super) fn path_and_query(&self) -> String {
        let limit = self.limit.map(|limit| format!("limit={}", limit.get()));
        let parts = [Some(self.query.as_str()), limit.as_deref()];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let mut text = self.endpoint.path(self.page.map_or("", |page| page.id));
        for (part, before) in parts.zip(["?", "&"]) {
            text.extend([before, part]);
        }
        text
    }

    /// Asks for half as many rows of a listing from now on; whether these are fewer.
    pub(super) fn reduce_page_size(&self) -> bool {
        let Some(limit) = self.limit.filter(|limit| limit.get() > SMALLEST_LIMIT) else {
            return false;
        };
        limit.set((limit.get() / 2).max(SMALLEST_LIMIT));
        true
    }
}

/// Why a request has no answer, after retries and confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// The page was listed and no longer exists; the credentials work.
    PageGone,
    /// Views or a state are refused with 403 or 404 while the credentials work: the row has null instead.
    Unavailable(Error),
    /// The cursor is not accepted (400 or 410): list again behind what was delivered.
    CursorRefused(Error),
    /// This request failed for good, the service may answer others: set the page aside.
    Failed(Error),
    /// Ends the run: credentials, configuration, a rate limit beyond patience, a listing that cannot go on.
    Fatal(Error),
}

impl RequestError {
    /// What a failure is when no retry is left.
    #[must_use]
    pub fn of(failure: Failure, endpoint: Endpoint) -> Self {
        let Failure { error, action, .. } = failure;
        match action {
            ResponseAction::PageGone | ResponseAction::Suspect(Resolution::PageGone) => {
                Self::PageGone
            }
            ResponseAction::Unavailable | ResponseAction::Suspect(Resolution::Unavailable) => {
                Self::Unavailable(error)
            }
            ResponseAction::RestartListing => Self::CursorRefused(error),
            ResponseAction::RateLimited
            | ResponseAction::FailRun
            | ResponseAction::Suspect(Resolution::FailRun) => Self::Fatal(error),
            ResponseAction::Retry
            | ResponseAction::RetryOnce
            | ResponseAction::RetryBody
            | ResponseAction::Fail
            | ResponseAction::Suspect(Resolution::Fail) => Self::failed(error, endpoint),
        }
    }

    /// A collection that fails has no smaller part to set aside. Accounts can be looked up in smaller batches.
    fn failed(error: Error, endpoint: Endpoint) -> Self {
        if endpoint.is_per_page() || endpoint == Endpoint::Users {
            Self::Failed(error)
        } else {
            Self::Fatal(error)
        }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Unavailable(error)
            | RequestError::CursorRefused(error)
            | RequestError::Failed(error)
            | RequestError::Fatal(error) => error,
            RequestError::PageGone => Self::new(
                Kind::UnexpectedResponse,
                "the service reports a missing page in answer to a request about none",
            ),
        }
    }
}
