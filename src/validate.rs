//! Whether a configuration is good: every endpoint gets the smallest request there is.
//!
//! The gateway looks at scopes before it looks at anything else, so a page that doesn't exist serves as well
//! as one that does: a 401 says that the scope is missing, any other refusal that it is there (measured
//! 2026-08-20, markfluence `docs/confluence/api.md`).

use std::cell::Cell;

use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::state::StateRow;
use crate::api::user::{UserRow, lookup_body};
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::api::{Context, Rows, read_rows};
use crate::client::classify::{Failure, Resolution, ResponseAction};
use crate::client::{ApiRequest, Client, Platform};
use crate::config::Config;
use crate::endpoint::{Endpoint, PageRef};
use crate::error::{Error, Kind};
use crate::listing::Listing;
use crate::sync::{chosen_spaces, no_space};

#[cfg(test)]
mod tests;

/// Stands for a page where none is known.
const NO_PAGE: &str = "1";
/// Stands for an account where none is known; the service leaves unknown ones out without a word.
const NO_ACCOUNT: &str = "unknown";

/// What the credentials may do at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its streams can be read.
    Granted,
    /// Its streams can't be read.
    Denied,
    /// It isn't to be had on this site, and the streams go without it.
    Unavailable,
    /// An earlier answer settled the matter.
    Unchecked,
}

/// What was found at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAccess {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What the credentials may do there.
    pub access: Access,
    /// More, for a person.
    pub detail: Option<String>,
}

/// What was found. The configuration is good when there is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// What is wrong.
    pub error: Option<Error>,
    /// Every endpoint that the streams need.
    pub endpoints: Vec<EndpointAccess>,
}

/// Validates a configuration: sends each endpoint one request.
pub async fn validate<P: Platform>(platform: &P, config: &Config) -> Validation {
    let mut found = Found::default();
    let client = Client::new(platform, config);
    if let Err(error) = probe_all(&client, &mut found).await {
        found.fatal = Some(error);
    }
    found.into_validation()
}

/// What is found of a configuration that cannot be read.
#[must_use]
pub fn invalid_config(error: Error) -> Validation {
    let fatal = Some(error);
    Found {
        fatal,
        ..Found::default()
    }
    .into_validation()
}

#[derive(Default)]
struct Found {
    endpoints: Vec<EndpointAccess>,
    /// What ended the probes.
    fatal: Option<Error>,
    /// Whether a page of the site is known.
    page_known: bool,
    /// What was denied, each at its endpoint.
    denied: Vec<Error>,
}

async fn probe_all<P: Platform>(client: &Client<'_, P>, found: &mut Found) -> Result<(), Error> {
    let space = any_space_visible(client).await;
    let any_space = found.add(Endpoint::Spaces, space)?.unwrap_or(true);
    let mut pages = Listing::<PageRow>::new("status=current&status=archived&sort=id", 1, None);
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
    let mut denied = found.denied.iter();
    if !denied.any(|error| error.endpoint == Some(Endpoint::Spaces)) {
        chosen_spaces(client).await?;
    }
    Ok(())
}

async fn any_space_visible<P: Platform>(client: &Client<'_, P>) -> Result<bool, Failure> {
    for status in ["current", "archived"] {
        let query = format!("status={status}&sort=id");
        let mut listing = Listing::<SpaceRow>::new(&query, 1, None);
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

impl Found {
    /// Records an answer. An error that makes further requests pointless is returned.
    fn add<T>(
        &mut self,
        endpoint: Endpoint,
        answer: Result<T, Failure>,
    ) -> Result<Option<T>, Error> {
        let (access, detail) = match &answer {
            Ok(_) => (Access::Granted, None),
            Err(failure) => access_after(endpoint, failure, self.page_known),
        };
        self.endpoints.push(EndpointAccess {
            endpoint,
            access,
            detail,
        });
        let Some(Failure { error, .. }) =
            answer.as_ref().err().filter(|_| access == Access::Denied)
        else {
            return Ok(answer.ok());
        };
        if error.kind == Kind::InvalidPermissions {
            self.denied.push(error.clone());
            return Ok(None);
        }
        // The lists answered, so either the site lets anybody read them, or this account is kept out here.
        let anonymous = error.kind == Kind::InvalidCredentials
            && self
                .endpoints
                .iter()
                .any(|found| found.access == Access::Granted);
        let mut error = error.clone();
        if anonymous {
            error.message = format!(
                "{}; the lists of spaces or pages answered all the same, as a site with public access does to \
                 anybody",
                error.message
            );
        }
        Err(error)
    }

    /// Says of the endpoint that was added last how many of its accounts cannot be matched to people of other systems.
    fn add_hidden_emails(&mut self, users: &[UserRow]) {
        let hidden = users.iter().filter(|user| user.email.is_none()).count();
        if let Some(found) = self.endpoints.last_mut().filter(|_| hidden > 0) {
            found.detail = Some(format!(
                "{hidden} of {} accounts that were tried have no e-mail address; email is null for those whose \
                 profile hides it, and matching people by e-mail leaves them out",
                users.len()
            ));
        }
    }

    fn into_validation(mut self) -> Validation {
        for endpoint in Endpoint::ALL.into_iter().skip(self.endpoints.len()) {
            self.endpoints.push(EndpointAccess {
                endpoint,
                access: Access::Unchecked,
                detail: None,
            });
        }
        let denied = all_denied(&self.denied);
        // A missing scope explains what else may be amiss, a wrong token explains a missing scope.
        let error = match (self.fatal, denied) {
            (Some(fatal), Some(denied)) if fatal.kind == Kind::InvalidPermissions => Some(denied),
            (fatal, denied) => fatal.or(denied),
        };
        Validation {
            error,
            endpoints: self.endpoints,
        }
    }
}

/// The access that a failure leaves.
fn access_after(
    endpoint: Endpoint,
    failure: &Failure,
    page_known: bool,
) -> (Access, Option<String>) {
    let is_missing = failure.error.http_status == Some(404);
    match failure.action {
        // A made-up page is rightly unknown; one that was listed has no value.
        ResponseAction::Unavailable if page_known => {
            let (values, column) = if endpoint == Endpoint::Views {
                ("views", "views_count")
            } else {
                ("content states", "content_state_name")
            };
            let detail = format!(
                "{values} are not available for the page that was tried: the plan, the space or a group may lack \
                 them; {column} is null then"
            );
            (Access::Unavailable, Some(detail))
        }
        ResponseAction::Unavailable | ResponseAction::PageGone => (Access::Granted, None),
        ResponseAction::Suspect(Resolution::PageGone | Resolution::Unavailable) if is_missing => {
            (Access::Granted, None)
        }
        _ => (Access::Denied, Some(failure.error.message.clone())),
    }
}

/// One error for all that was denied: every missing scope is named at once.
fn all_denied(denied: &[Error]) -> Option<Error> {
    let first = denied.first()?;
    let mut scopes: Vec<&str> = Vec::new();
    for error in denied.iter().filter(|error| error.http_status == Some(401)) {
        let scope = error.endpoint.map(Endpoint::scope);
        scopes.extend(scope.filter(|scope| !scopes.contains(scope)));
    }
    let mut error = first.clone();
    if scopes.len() > 1 {
        error.message = format!(
            "the token lacks the scopes {}; scopes are fixed when a token is created, so create a new token with \
             these scopes added (HTTP 401)",
            scopes.join(", ")
        );
    }
    Some(error)
}
