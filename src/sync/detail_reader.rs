//! Reads what belongs to one page: versions, labels, views and state, side by side, each failing on its own.

use std::collections::HashSet;

use futures_util::future::try_join4;

use crate::api::Decoded;
use crate::api::page::PageRow;
use crate::api::state::StateRow;
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::client::{Client, Platform, RequestError};
use crate::endpoint::{Endpoint, PageRef};
use crate::error::{Error, Kind};
use crate::fetch;
use crate::listing::Listing;
use crate::state::StreamSet;
use crate::stream::Stream;
use crate::sync::health::Health;
use crate::sync::page_details::{Abort, Detail, PageDetails, said_to_be_gone};

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
            self.detail(Stream::PageContentStates, details, self.state(page), || {
                Some(StateRow::none(id))
            }),
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
                // A state counts where it is read.
                if stream != Stream::PageContentStates {
                    self.health.record_success(stream);
                }
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

    /// The state of a page. None at all is no sign that the service answers.
    async fn state(&self, page: PageRef<'_>) -> Result<Decoded<StateRow>, RequestError> {
        let state = fetch::state(self.client, page).await?;
        if state.value == StateRow::none(page.id) {
            self.health.record_nothing(Stream::PageContentStates);
        } else {
            self.health.record_success(Stream::PageContentStates);
        }
        Ok(state)
    }

    /// Whether the service answers for others while it fails for one page. `before` is how many details were read
    /// when the request began.
    async fn service_answers(&self, before: u64) -> bool {
        let probe = async {
            let mut pages = Listing::<PageRow>::probe("");
            pages.next(self.client).await.is_ok()
        };
        self.health.service_answers(before, probe).await
    }
}
