//! What belongs to one page and costs a request each: versions, labels, views and state, read side by side.

use std::collections::HashSet;

use futures_util::future::try_join4;

use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::api::state::StateRow;
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::api::{Decoded, UnreadableValue};
use crate::client::{Client, Platform, RequestError};
use crate::endpoint::{Endpoint, PageRef};
use crate::error::{Error, Kind};
use crate::fetch;
use crate::listing::Listing;
use crate::state::StreamSet;
use crate::stream::Stream;
use crate::sync::health::Health;

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

    fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    fn fail_if_refused(&mut self, stream: Stream) {
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

/// Why a page is read, which decides what its failures mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It was listed.
    Listed,
    /// Its details said that it is gone, and it was found by its id: what says so again is a failure.
    Vanished,
    /// Earlier runs could not read all of it. What stays so says nothing about an endpoint.
    SetAside,
}

/// Reads details.
#[derive(Debug)]
pub(super) struct DetailReader<'a, P> {
    client: &'a Client<'a, P>,
    health: &'a Health,
    occasion: Occasion,
}

impl<'a, P: Platform> DetailReader<'a, P> {
    /// A reader that leaves alone what `health` says is down.
    pub(super) fn new(client: &'a Client<'a, P>, health: &'a Health, occasion: Occasion) -> Self {
        Self {
            client,
            health,
            occasion,
        }
    }

    /// Reads these details of a page. Each may fail on its own.
    ///
    /// # Errors
    ///
    /// The page has vanished, or the run can't go on.
    pub(super) async fn read(
        &self,
        page: &PageRow,
        details: StreamSet,
    ) -> Result<PageDetails, Abort> {
        let (client, id) = (self.client, page.source_id.as_str());
        let has_versions = page.version_number.is_some_and(|number| number > 0);
        let page = page.reference();
        let (versions, labels, views, state) = try_join4(
            self.detail(
                Stream::PageVersions,
                details,
                self.versions(page, has_versions),
                || None,
            ),
            self.detail(
                Stream::PageLabels,
                details,
                fetch::labels(client, page),
                || None,
            ),
            self.detail(
                Stream::PageViews,
                details,
                fetch::views(client, page),
                || Some(ViewRow::unavailable(id, client.now())),
            ),
            self.detail(
                Stream::PageContentStates,
                details,
                fetch::state(client, page),
                || Some(StateRow::none(id)),
            ),
        )
        .await?;
        // A value is refused only where the page's other details come.
        let any_comes = versions.rows().is_some() || labels.rows().is_some();
        let any_fails = versions.has_failed() || labels.has_failed();
        let refusal_counts = self.occasion == Occasion::Listed || any_comes || !any_fails;
        let mut unreadable = Vec::new();
        let mut details = PageDetails {
            versions: versions.separate(&mut unreadable),
            labels: labels.separate(&mut unreadable),
            views: views.separate(&mut unreadable),
            state: state.separate(&mut unreadable),
            unreadable,
        };
        if !refusal_counts {
            details.views.fail_if_refused(Stream::PageViews);
            details.state.fail_if_refused(Stream::PageContentStates);
        }
        Ok(details)
    }

    /// Reads one detail. `without` makes the row of a value that the service refuses.
    async fn detail<T>(
        &self,
        stream: Stream,
        details: StreamSet,
        request: impl Future<Output = Result<Decoded<T>, RequestError>>,
        without: impl Fn() -> Option<T>,
    ) -> Result<Detail<Decoded<T>>, Abort> {
        if !details.contains(stream) {
            return Ok(Detail::Omitted);
        }
        if self.health.is_down(stream) {
            return Ok(match self.occasion {
                Occasion::SetAside => Detail::Omitted,
                Occasion::Listed | Occasion::Vanished => Detail::Down,
            });
        }
        let answers = self.health.answers();
        let error = match request.await {
            Ok(decoded) => {
                self.health.record_success(stream);
                return Ok(Detail::Read(decoded));
            }
            Err(error) => error,
        };
        if let RequestError::Unavailable(_) = error
            && let Some(value) = without()
        {
            self.health.record_refusal();
            let unreadable = Vec::new();
            return Ok(Detail::Refused(Decoded { value, unreadable }));
        }
        let failed = Box::pin(self.failure(stream, answers, error)).await;
        failed.map(Detail::Failed)
    }

    /// The error of a detail that can't be read, unless it is one of the page or of the run. `answers` is how many
    /// details were read when the request began.
    async fn failure(
        &self,
        stream: Stream,
        answers: u64,
        error: RequestError,
    ) -> Result<Error, Abort> {
        let error = match error {
            RequestError::PageGone if self.occasion == Occasion::Listed => {
                return Err(Abort::Gone);
            }
            RequestError::PageGone => said_to_be_gone(stream),
            RequestError::Fatal(error) => return Err(Abort::Fatal(error)),
            RequestError::Unavailable(error)
            | RequestError::Failed(error)
            | RequestError::CursorRefused(error) => error,
        };
        if error.kind == Kind::Unavailable && !self.service_answers(answers).await {
            return Err(Abort::Fatal(error));
        }
        self.health.record_failure(stream);
        Ok(error)
    }

    /// The versions of a page. A page that has a last version has versions, and no two have the same number: another
    /// answer would lose rows in silence.
    async fn versions(
        &self,
        page: PageRef<'_>,
        has_versions: bool,
    ) -> Result<Decoded<Vec<VersionRow>>, RequestError> {
        let versions = fetch::versions(self.client, page).await?;
        let numbers: HashSet<_> = versions
            .value
            .iter()
            .map(|version| version.number)
            .collect();
        let is_empty = has_versions && numbers.is_empty();
        if is_empty || numbers.len() < versions.value.len() {
            let why = format!("versions of page {} that can't be all of them", page.id);
            return Err(RequestError::Failed(Error::unexpected(
                Endpoint::Versions,
                why,
            )));
        }
        Ok(versions)
    }

    /// Whether the service answers for others while it fails for one page. `before` is how many details were read
    /// when the request began.
    async fn service_answers(&self, before: u64) -> bool {
        let probe = async {
            let mut pages = Listing::<PageRow>::new("", 1, None);
            pages.next(self.client).await.is_ok()
        };
        self.health.service_answers(before, probe).await
    }
}

/// The failure of a page that exists.
fn said_to_be_gone(stream: Stream) -> Error {
    let message = format!(
        "the page exists, but {} says that it does not",
        stream.endpoint()
    );
    let error = Error::new(Kind::UnexpectedResponse, message).with_status(404);
    error.at(stream.endpoint())
}

impl<T> Detail<Decoded<T>> {
    /// Separates the value from what could not be read of it.
    fn separate(self, unreadable: &mut Vec<UnreadableValue>) -> Detail<T> {
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
