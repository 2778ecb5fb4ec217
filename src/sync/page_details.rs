//! What belongs to one page and costs a request each, and what became of each.

use crate::api::label::LabelRow;
use crate::api::state::StateRow;
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::api::{Decoded, UnreadableValue};
use crate::client::RequestError;
use crate::error::{Error, Kind};
use crate::stream::Stream;

/// The details of a page.
#[derive(Debug, Default)]
pub(super) struct PageDetails {
    /// Its versions.
    pub(super) versions: Detail<Vec<VersionRow>>,
    /// Its labels.
    pub(super) labels: Detail<Vec<LabelRow>>,
    /// Its views.
    pub(super) views: Detail<ViewRow>,
    /// Its content state.
    pub(super) state: Detail<StateRow>,
    /// Values that could not be read.
    pub(super) unreadable: Vec<UnreadableValue>,
}

/// What became of one request for details.
#[derive(Debug, Default)]
pub(super) enum Detail<T> {
    /// It was not to be read.
    #[default]
    Omitted,
    /// It was read.
    Read(T),
    /// The service refuses the value, and the row holds null.
    Refused(T),
    /// It could not be read, retries included.
    Failed(Error),
    /// The endpoint fails for every page and was not asked.
    Down,
}

impl<T> Detail<T> {
    /// The rows, if there are any.
    pub(super) fn rows(&self) -> Option<&T> {
        match self {
            Self::Read(rows) | Self::Refused(rows) => Some(rows),
            Self::Omitted | Self::Failed(_) | Self::Down => None,
        }
    }

    /// Whether it could not be read.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// A refusal is a failure after all.
    pub(super) fn fail_if_refused(&mut self, stream: Stream) {
        if let Self::Refused(_) = self {
            *self = Self::Failed(said_to_be_gone(stream));
        }
    }

    fn status(&self) -> Status<'_> {
        match self {
            Self::Omitted => Status::Omitted,
            Self::Read(_) => Status::Complete,
            Self::Refused(_) => Status::Refused,
            Self::Failed(error) => Status::Failed(error),
            Self::Down => Status::Down,
        }
    }
}

/// What became of one request for details, whatever its rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Status<'a> {
    /// It was not to be read.
    Omitted,
    /// It was read.
    Complete,
    /// The service refuses the value.
    Refused,
    /// It could not be read.
    Failed(&'a Error),
    /// The endpoint was not asked.
    Down,
}

/// Why the details of a page are not read at all.
#[derive(Debug)]
pub(super) enum Abort {
    /// The page has vanished since it was listed.
    Gone,
    /// The run can't go on.
    Fatal(Error),
}

impl From<Abort> for Error {
    /// Only a page that was listed can be gone; of the others it is known that they exist.
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Fatal(error) => error,
            Abort::Gone => RequestError::PageGone.into(),
        }
    }
}

impl PageDetails {
    /// What became of the request for each stream.
    pub(super) fn statuses(&self) -> [(Stream, Status<'_>); 4] {
        [
            (Stream::PageVersions, self.versions.status()),
            (Stream::PageLabels, self.labels.status()),
            (Stream::PageViews, self.views.status()),
            (Stream::PageContentStates, self.state.status()),
        ]
    }
}

/// The failure of a page that exists.
pub(super) fn said_to_be_gone(stream: Stream) -> Error {
    let message = format!(
        "the page exists, but {} says that it does not",
        stream.endpoint()
    );
    let error = Error::new(Kind::UnexpectedResponse, message).with_status(404);
    error.at(stream.endpoint())
}

impl<T> Detail<Decoded<T>> {
    /// Separates the value from what could not be read of it.
    pub(super) fn separate(self, unreadable: &mut Vec<UnreadableValue>) -> Detail<T> {
        let mut value = |decoded: Decoded<T>| {
            unreadable.extend(decoded.unreadable);
            decoded.value
        };
        match self {
            Self::Omitted => Detail::Omitted,
            Self::Read(decoded) => Detail::Read(value(decoded)),
            Self::Refused(decoded) => Detail::Refused(value(decoded)),
            Self::Failed(error) => Detail::Failed(error),
            Self::Down => Detail::Down,
        }
    }
}
