//! Reads what belongs to one page, and users: one function for each endpoint.

use std::cell::Cell;
use std::collections::HashSet;

use crate::api::label::LabelRow;
use crate::api::state::StateRow;
use crate::api::user::{UserRow, lookup_body};
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::api::{Context, Decoded, ListedRow, Rows, UnreadableValue, read_rows};
use crate::client::{ApiRequest, Client, Platform, RequestError};
use crate::endpoint::{Endpoint, PageRef};
use crate::error::Error;
use crate::listing::{EmptyPages, Listing};
use crate::wire::BodyError;

#[cfg(test)]
mod tests;

/// Restarts in a row of a listing of a page's parts that got no further than the one before.
const MAX_RESTARTS_WITHOUT_PROGRESS: u32 = 3;

/// The users of a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundUsers {
    /// Those that were asked for and are known.
    pub rows: Vec<UserRow>,
    /// The values that became null because they have no meaning.
    pub unreadable: Vec<UnreadableValue>,
    /// How many came that were not asked for.
    pub unrequested: usize,
    /// How many came without a readable account id.
    pub unusable: usize,
}

/// The versions of a page.
///
/// # Errors
///
/// Those of the request. A version without a number spoils the page.
pub async fn versions<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<Vec<VersionRow>>, RequestError> {
    whole_listing(client, page).await
}

/// The labels of a page.
///
/// # Errors
///
/// Those of the request. A label without an id spoils the page.
pub async fn labels<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<Vec<LabelRow>>, RequestError> {
    whole_listing(client, page).await
}

/// The number of views of a page.
///
/// # Errors
///
/// Those of the request; [`RequestError::Unavailable`] where there is no count.
pub async fn views<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<ViewRow>, RequestError> {
    let request = ApiRequest::about(Endpoint::Views, page);
    let read = client.fetch(&request, |response| {
        ViewRow::read(&response.body, page.id, client.now())
    });
    read.await
}

/// The content state of a page. An empty answer that ends cleanly means none, if it is repeated.
///
/// # Errors
///
/// Those of the request; [`RequestError::Unavailable`] where states are refused.
pub async fn state<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<StateRow>, RequestError> {
    let request = ApiRequest::about(Endpoint::States, page);
    let first = client.fetch(&request, |response| state_or_empty(&response.body, page.id));
    if let Some(state) = first.await? {
        return Ok(state);
    }
    let second = client.fetch(&request, |response| state_or_empty(&response.body, page.id));
    Ok(second.await?.unwrap_or_else(|| Decoded {
        value: StateRow::none(page.id),
        unreadable: Vec::new(),
    }))
}

fn state_or_empty(body: &[u8], page_id: &str) -> Result<Option<Decoded<StateRow>>, BodyError> {
    match StateRow::read(body, page_id) {
        Ok(state) => Ok(Some(state)),
        Err(BodyError::Empty) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The users of these accounts. Those that the service does not know are missing.
///
/// # Errors
///
/// Those of the request; a refusal with 400 is [`RequestError::Failed`]: look up fewer at once.
pub async fn users<P: Platform>(
    client: &Client<'_, P>,
    account_ids: &[String],
) -> Result<FoundUsers, RequestError> {
    let request = ApiRequest {
        body: Some(lookup_body(account_ids)),
        ..ApiRequest::new(Endpoint::Users)
    };
    let requested: HashSet<String> = account_ids.iter().cloned().collect();
    let tried = Cell::new(false);
    let read = client.fetch(&request, |response| {
        let users = requested_users(&response.body, &requested)?;
        let is_odd = users.unusable + users.unrequested > 0;
        if is_odd && client.can_retry() && !tried.replace(true) {
            return Err(BodyError::Unexpected(
                "a user that was not asked for".into(),
            ));
        }
        Ok(users)
    });
    read.await
}

fn requested_users(body: &[u8], requested: &HashSet<String>) -> Result<FoundUsers, BodyError> {
    let Rows {
        mut rows,
        unusable,
        unreadable,
        ..
    } = read_rows::<UserRow>(body, Context::default())?;
    let received = rows.len();
    rows.retain(|user| requested.contains(&user.source_id));
    Ok(FoundUsers {
        unrequested: received - rows.len(),
        rows,
        unreadable,
        unusable,
    })
}

/// A listing of a page's parts, whole. If its cursor is refused it starts again: nothing of it was delivered yet.
async fn whole_listing<R: ListedRow, P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<Vec<R>>, RequestError> {
    let mut furthest = 0;
    let mut without_progress = 0;
    loop {
        let mut read = Decoded {
            value: Vec::new(),
            unreadable: Vec::new(),
        };
        let error = match read_to_end(client, page, &mut read).await {
            Ok(()) => return Ok(read),
            Err(RequestError::CursorRefused(error)) => error,
            Err(error) => return Err(error),
        };
        without_progress = if read.value.len() > furthest {
            0
        } else {
            without_progress + 1
        };
        furthest = furthest.max(read.value.len());
        if without_progress > MAX_RESTARTS_WITHOUT_PROGRESS {
            return Err(RequestError::Failed(error));
        }
    }
}

async fn read_to_end<R: ListedRow, P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
    read: &mut Decoded<Vec<R>>,
) -> Result<(), RequestError> {
    let mut listing = Listing::<R>::of_page(page, client.config().page_size);
    let mut empty_pages = EmptyPages::default();
    let mut cursor: Option<String> = None;
    while let Some(next) = listing.next(client).await? {
        let is_empty = next.rows.is_empty() && next.unusable == 0;
        if is_empty && cursor.is_some() && empty_pages.is_doubtful(cursor.as_deref()) {
            listing.go_back(cursor.clone());
            continue;
        }
        cursor = next.next;
        if next.unusable > 0 {
            return Err(RequestError::Failed(row_without_key(R::ENDPOINT, page)));
        }
        read.value.extend(next.rows);
        read.unreadable.extend(next.unreadable);
    }
    Ok(())
}

fn row_without_key(endpoint: Endpoint, page: PageRef<'_>) -> Error {
    let message = format!(
        "the answer has a row without a readable key; please report it to the authors of this connector \
         ({endpoint}, page {})",
        page.id
    );
    Error::new(crate::error::Kind::UnexpectedResponse, message).at(endpoint)
}
