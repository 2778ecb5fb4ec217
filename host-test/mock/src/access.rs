//! Who may see what: credentials, scopes, a public site, and the measured answers of refusal.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::endpoint::{Door, Endpoint, Target};
use super::reply::{
    CANNOT_ACCESS, NOT_PERMITTED, Refusal, bare_not_found, bearer_refused, gateway_unauthorized,
    scope_mismatch, tomcat_unauthorized, v1_forbidden,
};

/// The scopes that the seven endpoints need, in the `OpenAPI` files' state "Current".
pub const CURRENT_SCOPES: [&str; 4] = [
    "read:space:confluence",
    "read:page:confluence",
    "read:user:confluence",
    "read:confluence-content.summary",
];

/// The one account that the mock knows, and what the site shows to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The account's e-mail.
    pub username: String,
    /// Its token.
    pub token: String,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// Whether people without an account see the first space.
    pub public: bool,
    /// Whether the account sees any space.
    pub spaces_visible: bool,
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

impl Default for Access {
    /// An unscoped token that sees everything.
    fn default() -> Self {
        Self {
            username: "reader@example.com".to_owned(),
            token: "ATATT3xmock".to_owned(),
            kind: TokenKind::Unscoped,
            public: false,
            spaces_visible: true,
        }
    }
}

/// What a request may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
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
    Wrong,
    Bearer,
}

/// The value of an `Authorization` header.
pub(super) fn basic(username: &str, token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{token}")))
}

impl Access {
    /// Decides what a request sees, or how it is refused. The gateway looks at the scope before it
    /// looks at the route.
    pub(super) fn admit(
        &self,
        cloud_id: &str,
        door: Door<'_>,
        target: Target<'_>,
        headers: &HeaderMap,
    ) -> Result<View, Refusal> {
        let endpoint = if let Target::Endpoint(endpoint, _) = target {
            Some(endpoint)
        } else {
            None
        };
        if matches!(door, Door::Gateway(asked) if asked != cloud_id) {
            return Err(Box::new(bare_not_found()));
        }
        let decision = match (self.credentials(headers), door, &self.kind) {
            (Credentials::Bearer, Door::Site, _) => Err(bearer_refused()),
            (Credentials::Bearer, Door::Gateway(_), _) => Err(gateway_unauthorized()),
            (Credentials::Wrong, door, _) => return self.stranger(door, endpoint),
            (Credentials::Right, Door::Site, TokenKind::Scoped(_)) => Err(tomcat_unauthorized()),
            (Credentials::Right, Door::Gateway(_), TokenKind::Scoped(scopes))
                if !opens(scopes, endpoint) =>
            {
                Err(scope_mismatch())
            }
            (Credentials::Right, ..) if self.spaces_visible => Ok(View::All),
            (Credentials::Right, ..) => Ok(View::Nothing),
        };
        decision.map_err(Box::new)
    }

    fn credentials(&self, headers: &HeaderMap) -> Credentials {
        let sent = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if sent == basic(&self.username, &self.token) {
            Credentials::Right
        } else if sent.starts_with("Bearer ") {
            Credentials::Bearer
        } else {
            Credentials::Wrong
        }
    }

    /// Somebody whom the site does not know, or who did not say.
    fn stranger(&self, door: Door<'_>, endpoint: Option<Endpoint>) -> Result<View, Refusal> {
        let v1 = endpoint.is_some_and(Endpoint::is_v1);
        let refusal = match (self.public, door) {
            (true, _) | (false, Door::Site) if v1 => v1_forbidden(NOT_PERMITTED),
            (false, Door::Gateway(_)) if v1 => v1_forbidden(CANNOT_ACCESS),
            (true, _) if endpoint != Some(Endpoint::Users) => return Ok(View::Public),
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
mod tests {
    #![allow(clippy::too_many_lines, clippy::unwrap_used)]
    use super::*;
    use crate::endpoint::route;

    const SPACES: &str = "/wiki/api/v2/spaces";
    const USERS: &str = "/wiki/api/v2/users-bulk";
    const VIEWS: &str = "/wiki/rest/api/analytics/content/7/views";

    fn decide(access: &Access, path: &str, authorization: &str) -> Result<View, (u16, String)> {
        let (door, target) = route(path);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())]);
        let refusal = |reply: Refusal| {
            (
                reply.status.as_u16(),
                String::from_utf8(reply.body.to_vec()).unwrap(),
            )
        };
        access.admit("cid", door, target, &headers).map_err(refusal)
    }

    #[test]
    fn every_case_is_answered_as_measured() {
        let plain = Access::default();
        let scoped = Access {
            kind: TokenKind::current_scopes(),
            ..plain.clone()
        };
        let spaces_only = Access {
            kind: TokenKind::Scoped(BTreeSet::from(["read:space:confluence".to_owned()])),
            ..plain.clone()
        };
        let public = Access {
            public: true,
            ..plain.clone()
        };
        let blind = Access {
            spaces_visible: false,
            ..plain.clone()
        };
        let right = basic(&plain.username, &plain.token);
        let gateway = |path: &str| format!("/ex/confluence/cid{path}");
        let bare = Err((404, r#""title":"Not Found""#));
        for (why, access, path, sent, expected) in [
            (
                "unscoped on the site",
                &plain,
                SPACES.to_owned(),
                right.as_str(),
                Ok(View::All),
            ),
            (
                "unscoped at the gateway",
                &plain,
                gateway(SPACES),
                &right,
                Ok(View::All),
            ),
            (
                "scoped at the gateway",
                &scoped,
                gateway(VIEWS),
                &right,
                Ok(View::All),
            ),
            (
                "scoped on the site",
                &scoped,
                SPACES.to_owned(),
                &right,
                Err((401, "HTTP Status 401")),
            ),
            (
                "scope missing",
                &spaces_only,
                gateway(VIEWS),
                &right,
                Err((401, "scope does not match")),
            ),
            (
                "scope missing, bad id",
                &spaces_only,
                gateway("/wiki/api/v2/pages/x/labels"),
                &right,
                Err((401, "scope does not match")),
            ),
            (
                "other cloud id",
                &plain,
                "/ex/confluence/other/wiki/api/v2/spaces".to_owned(),
                &right,
                bare,
            ),
            (
                "other cloud id, v1",
                &plain,
                format!("/ex/confluence/other{VIEWS}"),
                &right,
                bare,
            ),
            ("wrong on v2", &plain, SPACES.to_owned(), "Basic eDp5", bare),
            (
                "wrong on v2, gateway",
                &plain,
                gateway(SPACES),
                "Basic eDp5",
                bare,
            ),
            ("none on v2", &plain, SPACES.to_owned(), "", bare),
            (
                "wrong on v1",
                &plain,
                VIEWS.to_owned(),
                "Basic eDp5",
                Err((403, NOT_PERMITTED)),
            ),
            (
                "wrong on v1, gateway",
                &plain,
                gateway(VIEWS),
                "Basic eDp5",
                Err((403, CANNOT_ACCESS)),
            ),
            (
                "bearer on the site",
                &plain,
                SPACES.to_owned(),
                "Bearer x",
                Err((403, "Connect Session")),
            ),
            (
                "bearer at the gateway",
                &plain,
                gateway(SPACES),
                "Bearer x",
                Err((401, "Unauthorized")),
            ),
            (
                "wrong on a public site",
                &public,
                SPACES.to_owned(),
                "Basic eDp5",
                Ok(View::Public),
            ),
            (
                "right on a public site",
                &public,
                SPACES.to_owned(),
                &right,
                Ok(View::All),
            ),
            (
                "wrong on a public site, users",
                &public,
                USERS.to_owned(),
                "Basic eDp5",
                bare,
            ),
            (
                "wrong on a public site, v1",
                &public,
                gateway(VIEWS),
                "",
                Err((403, NOT_PERMITTED)),
            ),
            (
                "sees nothing",
                &blind,
                gateway(SPACES),
                &right,
                Ok(View::Nothing),
            ),
        ] {
            match (decide(access, &path, sent), expected) {
                (Ok(view), Ok(expected)) => assert_eq!(view, expected, "{why}"),
                (Err((status, body)), Err((expected, part))) => assert!(
                    status == expected && body.contains(part),
                    "{why}: {status} {body}"
                ),
                (got, expected) => assert!(got.is_ok() == expected.is_ok(), "{why}: {got:?}"),
            }
        }
    }
}
