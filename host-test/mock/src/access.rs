//! Who may see what: credentials, scopes, a public site, and the measured answers of refusal.

use std::collections::BTreeSet;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::endpoint::{Endpoint, EntryPoint, Target};
use super::error_responses::{
    CANNOT_ACCESS, NOT_PERMITTED, bare_not_found, bearer_refused, gateway_unauthorized,
    scope_mismatch, tomcat_unauthorized, v1_forbidden,
};
use super::oauth::{self, OauthClient};
use super::reply::Refusal;
use super::request::basic;

/// The scopes that the seven endpoints need, in the `OpenAPI` files' state "Current".
pub const CURRENT_SCOPES: [&str; 4] = [
    "read:space:confluence",
    "read:page:confluence",
    "read:user:confluence",
    "read:confluence-content.summary",
];

/// The one account that the mock knows, and what the site shows to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// The account's e-mail.
    pub username: String,
    /// Its token.
    pub token: String,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// A client whose access tokens have the same rights at the gateway.
    pub oauth: OauthClient,
    /// Whether people without an account see the first space.
    pub public: bool,
    /// Whether the account sees any space.
    pub spaces_visible: bool,
    /// Ids of spaces that the account may not see (any more).
    pub hidden_spaces: BTreeSet<String>,
}

/// The kinds of API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Good for the site and the gateway, for everything.
    Unscoped,
    /// Good for the gateway only, for these scopes.
    Scoped(BTreeSet<String>),
}

impl TokenKind {
    /// A scoped token with the four scopes that suffice.
    #[must_use]
    pub fn current_scopes() -> Self {
        Self::Scoped(current_scopes())
    }
}

/// The four scopes that suffice.
pub(super) fn current_scopes() -> BTreeSet<String> {
    CURRENT_SCOPES
        .iter()
        .map(|&scope| scope.to_owned())
        .collect()
}

impl Default for AccessPolicy {
    /// An unscoped token that sees everything.
    fn default() -> Self {
        Self {
            username: "reader@example.com".to_owned(),
            token: "ATATT3xmock".to_owned(),
            kind: TokenKind::Unscoped,
            oauth: OauthClient::default(),
            public: false,
            spaces_visible: true,
            hidden_spaces: BTreeSet::new(),
        }
    }
}

/// What a request may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    /// Everything.
    All,
    /// The first space.
    Public,
    /// No space.
    Nothing,
}

/// What came in the `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credentials {
    Right,
    AccessToken,
    Wrong,
    Bearer,
}

impl AccessPolicy {
    /// Decides what a request sees, or how it is refused. The gateway looks at the scope before it
    /// looks at the route.
    pub(super) fn authorize(
        &self,
        cloud_id: &str,
        entry: EntryPoint<'_>,
        target: Target<'_>,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Result<Visibility, Refusal> {
        let endpoint = if let Target::Endpoint(endpoint, _) = target {
            Some(endpoint)
        } else {
            None
        };
        if matches!(entry, EntryPoint::Gateway(asked) if asked != cloud_id) {
            return Err(Box::new(bare_not_found()));
        }
        let decision = match (self.credentials(headers, now), entry, &self.kind) {
            (Credentials::Bearer | Credentials::AccessToken, EntryPoint::Site, _) => {
                Err(bearer_refused())
            }
            (Credentials::Bearer, EntryPoint::Gateway(_), _) => Err(gateway_unauthorized()),
            (Credentials::Wrong, entry, _) => return self.unauthenticated(entry, endpoint),
            (Credentials::Right, EntryPoint::Site, TokenKind::Scoped(_)) => {
                Err(tomcat_unauthorized())
            }
            (_, EntryPoint::Gateway(_), TokenKind::Scoped(scopes)) if !opens(scopes, endpoint) => {
                Err(scope_mismatch())
            }
            _ if self.spaces_visible => Ok(Visibility::All),
            _ => Ok(Visibility::Nothing),
        };
        decision.map_err(Box::new)
    }

    fn credentials(&self, headers: &HeaderMap, now: SystemTime) -> Credentials {
        let sent = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if sent == basic(&self.username, &self.token) {
            Credentials::Right
        } else if let Some(token) = sent.strip_prefix("Bearer ") {
            if oauth::is_good(token, now) {
                Credentials::AccessToken
            } else {
                Credentials::Bearer
            }
        } else {
            Credentials::Wrong
        }
    }

    /// Somebody whom the site does not know, or who did not say.
    fn unauthenticated(
        &self,
        entry: EntryPoint<'_>,
        endpoint: Option<Endpoint>,
    ) -> Result<Visibility, Refusal> {
        let v1 = endpoint.is_some_and(Endpoint::is_v1);
        let refusal = match (self.public, entry) {
            (true, _) | (false, EntryPoint::Site) if v1 => v1_forbidden(NOT_PERMITTED),
            (false, EntryPoint::Gateway(_)) if v1 => v1_forbidden(CANNOT_ACCESS),
            (true, _) if endpoint != Some(Endpoint::Users) => return Ok(Visibility::Public),
            _ => bare_not_found(),
        };
        Err(Box::new(refusal))
    }
}

fn opens(scopes: &BTreeSet<String>, endpoint: Option<Endpoint>) -> bool {
    endpoint.is_none_or(|endpoint| {
        endpoint
            .scopes()
            .iter()
            .any(|&scope| scopes.contains(scope))
    })
}

#[cfg(test)]
mod tests;
