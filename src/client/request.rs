//! A request that can be sent again, and why it may end without an answer.

use crate::error::Error;

/// The page that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRef<'a> {
    /// Its id.
    pub id: &'a str,
    /// The id of its space, if known: refusals are remembered by space.
    pub space_id: Option<&'a str>,
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

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Unavailable(error)
            | RequestError::CursorRefused(error)
            | RequestError::Failed(error)
            | RequestError::Fatal(error) => error,
            RequestError::PageGone => Self::new(
                crate::error::Kind::UnexpectedResponse,
                "the service reports a missing page in answer to a request about none",
            ),
        }
    }
}
