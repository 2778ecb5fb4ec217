//! The requests that find out what the credentials may do, one for each endpoint.

use std::cell::Cell;

use super::found::Found;
use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::state::StateRow;
use crate::api::user::{UserRow, lookup_body};
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::api::{Context, Rows, read_rows};
use crate::client::classify::Failure;
use crate::client::{ApiRequest, Client, Platform};
use crate::endpoint::{Endpoint, PageRef};
use crate::error::Error;
use crate::listing::Listing;
use crate::sync::{chosen_spaces, no_space};

/// Stands for a page where none is known.
const NO_PAGE: &str = "1";
/// Stands for an account where none is known; the service leaves unknown ones out without a word.
const NO_ACCOUNT: &str = "unknown";

/// Sends the requests, and records what is found. What makes further ones pointless is returned.
pub(super) async fn probe_all<P: Platform>(
    client: &Client<'_, P>,
    found: &mut Found,
) -> Result<(), Error> {
    let space = any_space_visible(client).await;
    let any_space = found.add(Endpoint::Spaces, space)?.unwrap_or(true);
    let mut pages = Listing::<PageRow>::probe("status=current&status=archived&sort=id");
    let rows = found.add(Endpoint::Pages, pages.first_rows(client).await)?;
    let page = rows.and_then(|rows| rows.into_iter().next());
    if !any_space && page.is_none() {
        return Err(no_space());
    }
    found.page_known = page.is_some();
    for endpoint in Endpoint::ALL.into_iter().skip(2) {
        if endpoint == Endpoint::Users {
            let users = found.add(endpoint, probe_users(client, page.as_ref()).await)?;
            found.add_hidden_emails(&users.unwrap_or_default());
        } else {
            let answer = probe_page(client, endpoint, page.as_ref()).await;
            found.add(endpoint, answer)?;
        }
    }
    if !found.is_denied(Endpoint::Spaces) {
        chosen_spaces(client).await?;
    }
    Ok(())
}

async fn any_space_visible<P: Platform>(client: &Client<'_, P>) -> Result<bool, Failure> {
    for status in ["current", "archived"] {
        let query = format!("status={status}&sort=id");
        let mut listing = Listing::<SpaceRow>::probe(&query);
        if !listing.first_rows(client).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn probe_page<P: Platform>(
    client: &Client<'_, P>,
    endpoint: Endpoint,
    page: Option<&PageRow>,
) -> Result<(), Failure> {
    let limit = Cell::new(1);
    let unknown = PageRef {
        id: NO_PAGE,
        space_id: None,
    };
    let page = page.map_or(unknown, PageRow::reference);
    let is_listing = matches!(endpoint, Endpoint::Versions | Endpoint::Labels);
    let request = ApiRequest {
        limit: is_listing.then_some(&limit),
        ..ApiRequest::about(endpoint, page)
    };
    let read = client.fetch_unconfirmed(&request, |response| {
        let body = response.body.as_slice();
        match endpoint {
            Endpoint::Versions => read_rows::<VersionRow>(body, Context::default()).map(drop),
            Endpoint::Labels => read_rows::<LabelRow>(body, Context::default()).map(drop),
            Endpoint::Views => ViewRow::read(body, page.id, client.now()).map(drop),
            // An empty answer is that of a page without a state.
            _ if body.is_empty() => Ok(()),
            _ => StateRow::read(body, page.id).map(drop),
        }
    });
    read.await
}

/// Looks up the accounts of a page.
async fn probe_users<P: Platform>(
    client: &Client<'_, P>,
    page: Option<&PageRow>,
) -> Result<Vec<UserRow>, Failure> {
    let mut accounts: Vec<String> = Vec::new();
    for account in page.into_iter().flat_map(PageRow::accounts) {
        if accounts.iter().all(|known| known != account) {
            accounts.push(account.to_owned());
        }
    }
    if accounts.is_empty() {
        accounts.push(NO_ACCOUNT.to_owned());
    }
    let request = ApiRequest {
        body: Some(lookup_body(&accounts)),
        ..ApiRequest::new(Endpoint::Users)
    };
    let read = client.fetch_unconfirmed(&request, |response| {
        read_rows(&response.body, Context::default())
    });
    read.await.map(|found: Rows<UserRow>| found.rows)
}
