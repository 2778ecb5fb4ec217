//! What belongs to one page and costs a request each: versions, labels, views and state, read side by side.

use std::cell::Cell;

use futures_util::future::try_join4;

use crate::api::Endpoint;
use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::api::state::StateRow;
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::error::{Error, Kind};
use crate::fields::Fields;
use crate::http::Platform;
use crate::http::call::{Call, CallError};
use crate::http::client::Client;
use crate::paging::{Listing, MAX_RESTARTS};
use crate::sink::Sink;
use crate::state::StreamSet;
use crate::stream::Stream;
use crate::sync::health::Health;

/// The details of a page.
#[derive(Debug, Default)]
pub struct PageDetails {
    /// Its versions.
    pub versions: Detail<Vec<VersionRow>>,
    /// Its labels.
    pub labels: Detail<Vec<LabelRow>>,
    /// Its views.
    pub views: Detail<ViewRow>,
    /// Its content state.
    pub state: Detail<StateRow>,
}

/// What became of one request for details.
#[derive(Debug, Default)]
pub enum Detail<T> {
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
    pub fn rows(&self) -> Option<&T> {
        match self {
            Self::Read(rows) | Self::Refused(rows) => Some(rows),
            Self::Omitted | Self::Failed(_) | Self::Down => None,
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
pub enum Status<'a> {
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
pub enum Abort {
    /// The page has vanished since it was listed.
    Gone,
    /// The run can't go on.
    Fatal(Error),
}

impl PageDetails {
    /// What became of the request for each stream.
    pub fn statuses(&self) -> [(Stream, Status<'_>); 4] {
        [
            (Stream::PageVersions, self.versions.status()),
            (Stream::PageLabels, self.labels.status()),
            (Stream::PageViews, self.views.status()),
            (Stream::PageContentStates, self.state.status()),
        ]
    }
}

/// Reads details.
#[derive(Debug)]
pub struct DetailReader<'a, P, S> {
    client: &'a Client<'a, P, S>,
    health: &'a Health,
}

impl<'a, P: Platform, S: Sink> DetailReader<'a, P, S> {
    /// A reader that leaves alone what `health` says is down.
    pub fn new(client: &'a Client<'a, P, S>, health: &'a Health) -> Self {
        Self { client, health }
    }

    /// Reads these details of a page. Each may fail on its own.
    ///
    /// # Errors
    ///
    /// The page has vanished, or the run can't go on.
    pub async fn read(&self, page: &PageRow, details: StreamSet) -> Result<PageDetails, Abort> {
        let id = page.source_id.as_str();
        let versions = self.listing(Endpoint::Versions, id, VersionRow::read);
        let labels = self.listing(Endpoint::Labels, id, LabelRow::read);
        let (versions, labels, views, state) = try_join4(
            self.detail(details, Stream::PageVersions, versions),
            self.detail(details, Stream::PageLabels, labels),
            self.detail(details, Stream::PageViews, self.views(id)),
            self.detail(details, Stream::PageContentStates, self.state(id)),
        )
        .await?;
        Ok(PageDetails {
            versions,
            labels,
            views,
            state,
        })
    }

    async fn detail<T>(
        &self,
        details: StreamSet,
        stream: Stream,
        read: impl Future<Output = Result<Detail<T>, CallError>>,
    ) -> Result<Detail<T>, Abort> {
        if !details.contains(stream) {
            return Ok(Detail::Omitted);
        }
        if self.health.is_down(stream) {
            return Ok(Detail::Down);
        }
        let answers = self.health.answers();
        match read.await {
            Ok(detail) => {
                self.health.record_success(stream);
                Ok(detail)
            }
            Err(CallError::Gone) => Err(Abort::Gone),
            Err(error) => {
                let error = Error::from(error);
                if ends_the_run(&error) || !self.service_answers(answers).await {
                    return Err(Abort::Fatal(error));
                }
                self.health.record_failure(stream);
                Ok(Detail::Failed(error))
            }
        }
    }

    /// Whether the service answers for others while it fails for one page. `before` is how many details were read
    /// when the request began.
    async fn service_answers(&self, before: u64) -> bool {
        if self.health.answers() > before {
            return true;
        }
        let limit = Cell::new(1);
        let probe = Call {
            limit: Some(&limit),
            ..Call::about(Endpoint::Pages, "")
        };
        self.client.call(&probe).await.is_ok()
    }

    /// A listing of the page, whole. One whose cursor is refused starts again: nothing of it was delivered yet.
    async fn listing<T>(
        &self,
        endpoint: Endpoint,
        id: &str,
        read: impl Fn(Fields<'_>, &str) -> Result<T, Error>,
    ) -> Result<Detail<Vec<T>>, CallError> {
        let mut restarts = 0;
        loop {
            let page_size = self.client.config().page_size;
            let mut listing = Listing::of_page(endpoint, id, page_size);
            let mut rows = Vec::new();
            let ended = loop {
                match listing.next(self.client, |row, _| read(row, id)).await {
                    Ok(Some(page)) => rows.extend(page.rows),
                    Ok(None) => break Ok(Detail::Read(rows)),
                    Err(error) => break Err(error),
                }
            };
            match ended {
                Err(CallError::StaleCursor(_)) if restarts < MAX_RESTARTS => restarts += 1,
                ended => return ended,
            }
        }
    }

    async fn views(&self, id: &str) -> Result<Detail<ViewRow>, CallError> {
        match self.client.call(&Call::about(Endpoint::Views, id)).await {
            Ok(response) => {
                let views = Fields::parse(Endpoint::Views, &response.body)?;
                Ok(Detail::Read(ViewRow::read(Some(views), id)?))
            }
            Err(CallError::Refused) => Ok(Detail::Refused(ViewRow::read(None, id)?)),
            Err(error) => Err(error),
        }
    }

    async fn state(&self, id: &str) -> Result<Detail<StateRow>, CallError> {
        match self.client.call(&Call::about(Endpoint::States, id)).await {
            Ok(response) => {
                let state = StateRow::parse(&response.body)?;
                Ok(Detail::Read(StateRow::read(state, id)?))
            }
            Err(CallError::Refused) => Ok(Detail::Refused(StateRow::read(None, id)?)),
            Err(error) => Err(error),
        }
    }
}

/// Whether an error is about more than one page.
fn ends_the_run(error: &Error) -> bool {
    !matches!(
        error.kind,
        Kind::Unavailable | Kind::UnexpectedResponse
    )
}
