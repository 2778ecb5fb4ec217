//! Bridge: the details of the branch client over the old ones.
use crate::api::Endpoint;
use crate::api::label::LabelRow;
use crate::api::state::StateRow;
use crate::api::user::{UserRow, lookup};
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::client::request::{PageRef, RequestError};
use crate::client::{Client, Platform};
use crate::error::Error;
use crate::fields::Fields;
use crate::http::call::Call;
use crate::http::call::CallError;
use crate::listing::{UnreadableValue, bridge};
use crate::paging::{Listing, MAX_RESTARTS};

/// A value with what could not be read of it.
#[derive(Debug)]
pub struct Decoded<T> {
    pub value: T,
    pub unreadable: Vec<UnreadableValue>,
}
/// Users.
#[derive(Debug)]
pub struct FoundUsers {
    pub rows: Vec<UserRow>,
    pub unreadable: Vec<UnreadableValue>,
    pub unrequested: usize,
    pub unusable: usize,
}

fn decoded<T>(value: T) -> Decoded<T> {
    Decoded {
        value,
        unreadable: vec![],
    }
}

pub async fn versions<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<Vec<VersionRow>>, RequestError> {
    list(client, Endpoint::Versions, page.id, VersionRow::read)
        .await
        .map(decoded)
        .map_err(bridge)
}
pub async fn labels<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<Vec<LabelRow>>, RequestError> {
    list(client, Endpoint::Labels, page.id, LabelRow::read)
        .await
        .map(decoded)
        .map_err(bridge)
}
async fn list<T, P: Platform>(
    client: &Client<'_, P>,
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
pub async fn views<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<ViewRow>, RequestError> {
    let response = client
        .call(&Call::about(Endpoint::Views, page.id))
        .await
        .map_err(bridge)?;
    let read = || {
        ViewRow::read(
            Some(Fields::parse(Endpoint::Views, &response.body)?),
            page.id,
        )
    };
    read().map(decoded).map_err(RequestError::Failed)
}
pub async fn state<P: Platform>(
    client: &Client<'_, P>,
    page: PageRef<'_>,
) -> Result<Decoded<StateRow>, RequestError> {
    let response = client
        .call(&Call::about(Endpoint::States, page.id))
        .await
        .map_err(bridge)?;
    let read = || StateRow::read(StateRow::parse(&response.body)?, page.id);
    read().map(decoded).map_err(RequestError::Failed)
}
pub async fn users<P: Platform>(
    client: &Client<'_, P>,
    accounts: &[String],
) -> Result<FoundUsers, RequestError> {
    let call = Call {
        body: Some(lookup(accounts)),
        ..Call::about(Endpoint::Users, "")
    };
    let response = client.call(&call).await.map_err(bridge)?;
    let read = || {
        let users = Fields::parse(Endpoint::Users, &response.body)?.objects("results")?;
        users
            .into_iter()
            .map(UserRow::read)
            .collect::<Result<Vec<_>, Error>>()
    };
    let rows = read().map_err(RequestError::Failed)?;
    let (rows, others): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| accounts.contains(&row.source_id));
    Ok(FoundUsers {
        rows,
        unreadable: vec![],
        unrequested: others.len(),
        unusable: 0,
    })
}
