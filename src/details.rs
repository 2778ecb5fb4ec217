//! What belongs to one page and costs a request each: versions, labels, views and state, read side by side.

use futures_util::future::try_join4;

use crate::api::Endpoint;
use crate::api::label::{Label, LabelRow};
use crate::api::page::PageRow;
use crate::api::state::{ContentState, StateRow};
use crate::api::version::{Version, VersionRow};
use crate::api::view::{ViewRow, Views};
use crate::http::Platform;
use crate::http::client::{Call, CallError, Client};
use crate::paging::{Listing, parse};
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
                versions(client, id),
            ),
            when(wants(Stream::PageLabels), labels(client, id)),
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

async fn versions<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    id: &str,
) -> Result<Vec<VersionRow>, CallError> {
    let mut listing = Listing::of_page(Endpoint::Versions, id, client.config().page_size);
    let mut rows = Vec::new();
    while let Some(page) = listing.next::<Version, _, _>(client).await? {
        rows.extend(page.rows.into_iter().map(|version| version.into_row(id)));
    }
    Ok(rows)
}

async fn labels<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    id: &str,
) -> Result<Vec<LabelRow>, CallError> {
    let mut listing = Listing::of_page(Endpoint::Labels, id, client.config().page_size);
    let mut rows = Vec::new();
    while let Some(page) = listing.next::<Label, _, _>(client).await? {
        rows.extend(page.rows.into_iter().map(|label| label.into_row(id)));
    }
    Ok(rows)
}

async fn views<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    id: &str,
) -> Result<ViewRow, CallError> {
    let views = match client.call(&Call::about(Endpoint::Views, id)).await {
        Ok(response) => parse::<Views>(Endpoint::Views, &response.body)?,
        Err(CallError::Refused) => Views::default(),
        Err(error) => return Err(error),
    };
    Ok(views.into_row(id))
}

async fn state<P: Platform, S: Sink>(
    client: &Client<'_, P, S>,
    id: &str,
) -> Result<StateRow, CallError> {
    let state = match client.call(&Call::about(Endpoint::States, id)).await {
        // "Null or content state", says the OpenAPI; an empty body is the same.
        Ok(response) if response.body.trim_ascii().is_empty() => None,
        Ok(response) => parse::<Option<ContentState>>(Endpoint::States, &response.body)?,
        Err(CallError::Refused) => None,
        Err(error) => return Err(error),
    };
    Ok(state.unwrap_or_default().into_row(id))
}
