//! What the answers to the probes say, together.

use super::{Access, EndpointAccess, Validation};
use crate::api::user::UserRow;
use crate::client::classify::{Failure, Resolution, ResponseAction};
use crate::endpoint::Endpoint;
use crate::error::{Error, Kind};

/// What is found so far.
#[derive(Default)]
pub(super) struct Found {
    endpoints: Vec<EndpointAccess>,
    /// Whether a page of the site is known.
    pub(super) page_known: bool,
    /// What was denied, each at its endpoint.
    denied: Vec<Error>,
}

impl Found {
    /// Records an answer. An error that makes further requests pointless is returned.
    pub(super) fn add<T>(
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
    pub(super) fn add_hidden_emails(&mut self, users: &[UserRow]) {
        let hidden = users.iter().filter(|user| user.email.is_none()).count();
        if let Some(found) = self.endpoints.last_mut().filter(|_| hidden > 0) {
            found.detail = Some(format!(
                "{hidden} of {} accounts that were tried have no e-mail address; email is null for those whose \
                 profile hides it, and matching people by e-mail leaves them out",
                users.len()
            ));
        }
    }

    /// Whether this endpoint was denied.
    pub(super) fn is_denied(&self, endpoint: Endpoint) -> bool {
        let mut denied = self.denied.iter();
        denied.any(|error| error.endpoint == Some(endpoint))
    }

    /// What is found in all; `fatal` is what ended the probes.
    pub(super) fn into_validation(mut self, fatal: Option<Error>) -> Validation {
        for endpoint in Endpoint::ALL.into_iter().skip(self.endpoints.len()) {
            self.endpoints.push(EndpointAccess {
                endpoint,
                access: Access::Unchecked,
                detail: None,
            });
        }
        let denied = all_denied(&self.denied);
        // A missing scope explains what else may be amiss, a wrong token explains a missing scope.
        let error = match (fatal, denied) {
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
