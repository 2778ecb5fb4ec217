//! What belongs to one page and costs a request each: versions, labels, views and state, read side by side.

use futures_util::future::try_join4;

use crate::api::Endpoint;
use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::api::state::StateRow;
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::error::Error;
use crate::fields::Fields;
use crate::http::Platform;
use crate::http::call::{Call, CallError};
use crate::http::client::Client;
use crate::paging::{Listing, MAX_RESTARTS};
use crate::plan::Wanted;
use crate::sink::Sink;
use crate::stream::Stream;

/// The details of a page; none of those that weren't wanted.
#[derive(Debug, Default)]
pub struct Details {
    /// Its versions.
    pub versions: Option<Vec<VersionRow>>,
    /// Its labels.
    pub labels: Option<Vec<LabelRow>>,
    /// Its views.
    pub views: Option<ViewRow>,
    /// Its content state.
    pub state: Option<StateRow>,
}

impl Details {
    /// Reads what is wanted of a page. Versions are read for the accounts in them too.
    ///
    /// # Errors
    ///
    /// [`CallError::Gone`] where the page has vanished, and those of the calls.
    pub async fn read<P: Platform, S: Sink>(
        client: &Client<'_, P, S>,
        wanted: &Wanted,
        page: &PageRow,
    ) -> Result<Self, CallError> {
        if !page.has_details() {
            return Ok(Self::default());
        }
        let id = page.source_id.as_str();
        let wants = |stream| wanted.of_page(stream, page);
        let (versions, labels, views, state) = try_join4(
            when(
                wants(Stream::PageVersions) || wants(Stream::Users),
                list(client, Endpoint::Versions, id, VersionRow::read),
            ),
            when(
                wants(Stream::PageLabels),
                list(client, Endpoint::Labels, id, LabelRow::read),
            ),
            when(wants(Stream::PageViews), views(client, id)),
            when(wants(Stream::PageContentStates), state(client, id)),
        )
        .await?;
        Ok(Self {
            versions,
            labels,
            views,
            state,
        })
    }
}

async fn when<T>(
    wanted: bool,
    read: impl Future<Output = Result<T, CallError>>,
) -> Result<Option<T>, CallError> {
    if wanted {
        read.await.map(Some)
    } else {
        Ok(None)
    }
}

/// A listing of the page, whole. One whose cursor is refused starts again: nothing of it was delivered yet.
async fn list<T, P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    endpoint: Endpoint,
    id: &str,
    read: impl Fn(Fields<'_>, &str) -> Result<T, Error>,
) -> Result<Vec<T>, CallError> {
    let mut restarts = 0;
    loop {
        let mut listing = Listing::of_page(endpoint, id, client.config().page_size);
        let mut rows = Vec::new();
        let ended = loop {
            match listing.next(client, |row, _| read(row, id)).await {
                Ok(Some(page)) => rows.extend(page.rows),
                Ok(None) => break Ok(rows),
                Err(error) => break Err(error),
            }
        };
        match ended {
            Err(CallError::StaleCursor(_)) if restarts < MAX_RESTARTS => restarts += 1,
            ended => return ended,
        }
    }
}

async fn views<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    id: &str,
) -> Result<ViewRow, CallError> {
    let body = value(client, Endpoint::Views, id).await?;
    let views = body
        .as_deref()
        .map(|body| Fields::parse(Endpoint::Views, body));
    Ok(ViewRow::read(views.transpose()?, id)?)
}

async fn state<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    id: &str,
) -> Result<StateRow, CallError> {
    let body = value(client, Endpoint::States, id).await?;
    let state = StateRow::parse(body.as_deref().unwrap_or_default())?;
    Ok(StateRow::read(state, id)?)
}

/// The body of a value that not every page has.
async fn value<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    endpoint: Endpoint,
    id: &str,
) -> Result<Option<Vec<u8>>, CallError> {
    match client.call(&Call::about(endpoint, id)).await {
        Ok(response) => Ok(Some(response.body)),
        Err(CallError::Refused) => Ok(None),
        Err(error) => Err(error),
    }
}
