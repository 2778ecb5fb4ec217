//! Whether a configuration is good: every endpoint is asked once, with the smallest request there is.
//!
//! The gateway looks at scopes before it looks at anything else, so a page that doesn't exist serves as well
//! as one that does: a 401 says that the scope is missing, any other refusal that it is there (measured
//! 2026-08-20, markfluence `docs/confluence/api.md`).

use crate::api::Endpoint;
use crate::api::page::PageRow;
use crate::api::state::StateRow;
use crate::api::user::lookup;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::fields::Fields;
use crate::http::Platform;
use crate::http::call::Call;
use crate::http::classify::{Nature, Problem};
use crate::http::client::{Client, Trial};
use crate::paging::Listing;
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

/// Validates a configuration: asks every endpoint once.
pub async fn validate<P: Platform>(platform: &P, config: &Config) -> Validation {
    let mut found = Found::default();
    let client = Client::new(platform, config);
    if let Err(error) = ask_all(&client, &mut found).await {
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
    /// What ended the questions.
    fatal: Option<Error>,
    /// Whether the site showed a page to ask about.
    page_known: bool,
    /// What was denied, each at its endpoint.
    denied: Vec<Error>,
}

async fn ask_all<P: Platform>(client: &Client<'_, P>, found: &mut Found) -> Result<(), Error> {
    let space = sees_a_space(client, true).await;
    let sees_space = found.add(Endpoint::Spaces, space)?.unwrap_or(true);
    let mut pages = Listing::new(
        Endpoint::Pages,
        "status=current&status=archived&sort=id",
        1,
        None,
    );
    let unread = |page: Fields<'_>, base: Option<&str>| Ok(PageRow::read(page, base));
    let page = pages.first_rows(client, true, unread).await;
    let page = found
        .add(Endpoint::Pages, page)?
        .and_then(|rows| rows.into_iter().next());
    if !sees_space && page.is_none() {
        return Err(no_space());
    }
    found.page_known = page.is_some();
    let page = page.transpose()?;
    let id = page
        .as_ref()
        .map_or(NO_PAGE, |page| page.source_id.as_str());
    for endpoint in Endpoint::ALL.into_iter().skip(2) {
        let answer = match endpoint {
            Endpoint::Users => {
                let account = page
                    .as_ref()
                    .and_then(|page| page.accounts().next())
                    .unwrap_or(NO_ACCOUNT);
                ask_user(client, account).await
            }
            _ => ask_page(client, endpoint, id).await,
        };
        found.add(endpoint, answer)?;
    }
    if !found
        .denied
        .iter()
        .any(|error| error.endpoint == Some(Endpoint::Spaces))
    {
        chosen_spaces(client).await?;
    }
    Ok(())
}

async fn ask_page<P: Platform>(
    client: &Client<'_, P>,
    endpoint: Endpoint,
    id: &str,
) -> Result<(), Problem> {
    let limit = std::cell::Cell::new(1);
    let mut call = Call::about(endpoint, id);
    if matches!(endpoint, Endpoint::Versions | Endpoint::Labels) {
        call.limit = Some(&limit);
    }
    let response = client.exchange(&call, &mut Trial::new(true)).await?;
    if endpoint == Endpoint::States {
        StateRow::parse(&response.body)?;
    } else {
        Fields::parse(endpoint, &response.body)?;
    }
    Ok(())
}

async fn ask_user<P: Platform>(client: &Client<'_, P>, account: &str) -> Result<(), Problem> {
    let call = Call {
        body: Some(lookup(&[account.to_owned()])),
        ..Call::about(Endpoint::Users, "")
    };
    let response = client.exchange(&call, &mut Trial::new(true)).await?;
    Fields::parse(Endpoint::Users, &response.body)?.objects("results")?;
    Ok(())
}

impl Found {
    /// Takes note of an answer. What makes further questions pointless comes back as an error.
    fn add<T>(
        &mut self,
        endpoint: Endpoint,
        answer: Result<T, Problem>,
    ) -> Result<Option<T>, Error> {
        let (access, detail) = match &answer {
            Ok(_) => (Access::Granted, None),
            Err(problem) => judge(endpoint, problem, self.page_known),
        };
        self.endpoints.push(EndpointAccess {
            endpoint,
            access,
            detail,
        });
        let Some(Problem { error, .. }) =
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

fn judge(endpoint: Endpoint, problem: &Problem, page_known: bool) -> (Access, Option<String>) {
    let detail = Some(problem.error.message.clone());
    let status = problem.error.http_status;
    match problem.nature {
        // A page that was made up is rightly unknown; one that was listed has no views to be had.
        Nature::Refused if endpoint == Endpoint::Views && page_known => (
            Access::Unavailable,
            Some("views are not to be had for this page or on this site's plan; views_count is null then".into()),
        ),
        Nature::Refused | Nature::Missing => (Access::Granted, None),
        Nature::Doubtful(_) if endpoint.is_per_page() && status == Some(404) => {
            (Access::Granted, None)
        }
        _ => (Access::Denied, detail),
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
            "the token lacks the scopes {}; scopes are fixed when a token is made, so make a new token with \
             these scopes added (HTTP 401)",
            scopes.join(", ")
        );
    }
    Some(error)
}

async fn sees_a_space<P: Platform>(client: &Client<'_, P>, probing: bool) -> Result<bool, Problem> {
    for status in ["current", "archived"] {
        let query = format!("status={status}&sort=id");
        let mut listing = Listing::new(Endpoint::Spaces, &query, 1, None);
        let found = listing.first_rows(client, probing, |_, _| Ok(())).await?;
        if !found.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
