//! Refusals: 401 and 403.

use super::suspicion::{resolution, resolution_of_refusal, unless_authenticated};
use super::{Classification, ErrorBody, RequestContext, Resolution, ResponseAction};
use crate::client::Response;
use crate::endpoint::Endpoint;
use crate::error::Kind;
use crate::text;

/// The reasons for which every endpoint refuses, with 401 or 403.
fn refused_login(
    context: RequestContext<'_>,
    response: &Response,
    body: &ErrorBody,
) -> Option<Classification> {
    let header = |name| response.headers.get(name).unwrap_or_default();
    let login = header("x-seraph-loginreason");
    let denied = header("x-authentication-denied-reason");
    let message = if text::holds(login, "AUTHENTICATION_DENIED") || text::holds(denied, "CAPTCHA") {
        "Confluence asks for a CAPTCHA after failed logins: log in once in a browser as this account, then run again"
            .to_owned()
    } else if body.says("basic authentication with passwords") {
        "this is a password: Confluence Cloud accepts API tokens only; create one at \
         https://id.atlassian.com/manage-profile/security/api-tokens"
            .to_owned()
    } else if text::holds(login, "AUTHENTICATED_FAILED") {
        format!(
            "the login failed: the token is wrong, expired or revoked, or the organisation does not allow API \
             tokens{}",
            hint(context)
        )
    } else if body.says("connect session auth token") {
        credentials_message(context)
    } else {
        return None;
    };
    let action = unless_authenticated(context, resolution(context));
    Some(Classification::new(
        Kind::InvalidCredentials,
        action,
        message,
    ))
}

pub(super) fn unauthorized(
    context: RequestContext<'_>,
    response: &Response,
    body: &ErrorBody,
) -> Classification {
    let category = response
        .headers
        .get("x-failure-category")
        .unwrap_or_default();
    if body.says("scope does not match") || text::holds(category, "SCOPE_CHECK") {
        let message = format!(
            "the token lacks the scope {}; scopes are fixed when a token is created, so create a new token with \
             this scope added",
            context.endpoint.scope()
        );
        return Classification::new(Kind::InvalidPermissions, ResponseAction::FailRun, message);
    }
    if let Some(refusal) =
        ip_denied(context, body).or_else(|| refused_login(context, response, body))
    {
        return refusal;
    }
    let message = if context.config.base_url.is_gateway() {
        format!(
            "the gateway refuses the token; check that it has not expired or been revoked{}",
            hint(context)
        )
    } else {
        "the site refuses the token. Scoped tokens, which service accounts have, work only through the gateway: set \
         base_url to https://api.atlassian.com/ex/confluence/<cloud-id>; \
         https://<site>.atlassian.net/_edge/tenant_info tells the cloud id"
            .into()
    };
    let action = if context.authenticated {
        ResponseAction::Suspect(resolution_of_refusal(context, body))
    } else {
        ResponseAction::FailRun
    };
    Classification::new(Kind::InvalidCredentials, action, message)
}

pub(super) fn ip_denied(context: RequestContext<'_>, body: &ErrorBody) -> Option<Classification> {
    if !body.says("ip address") {
        return None;
    }
    let message = format!("the site's IP allowlist blocks this host{}", body.quote());
    let action = if context.authenticated {
        ResponseAction::Suspect(resolution(context))
    } else {
        ResponseAction::FailRun
    };
    Some(Classification::new(
        Kind::InvalidPermissions,
        action,
        message,
    ))
}

pub(super) fn forbidden(
    context: RequestContext<'_>,
    response: &Response,
    body: &ErrorBody,
) -> Classification {
    if let Some(refusal) =
        ip_denied(context, body).or_else(|| refused_login(context, response, body))
    {
        return refusal;
    }
    if body.is_html() {
        let message = "something between here and Confluence (a firewall, a proxy or Atlassian's edge) blocks the \
             request with a web page; ask the administrator of the network or the site";
        let action = unless_authenticated(context, resolution(context));
        return Classification::new(Kind::InvalidPermissions, action, message);
    }
    let is_value = matches!(context.endpoint, Endpoint::Views | Endpoint::States);
    // The two phrasings with which v1 answers credentials that are wrong, revoked or absent.
    if body.says("caller cannot access confluence") || body.says("not permitted to use confluence")
    {
        let if_it_stays = if is_value {
            Resolution::Unavailable
        } else {
            resolution_of_refusal(context, body)
        };
        let action = unless_authenticated(context, if_it_stays);
        return Classification::new(
            Kind::InvalidCredentials,
            action,
            credentials_message(context),
        );
    }
    let message = format!(
        "the account may not do this{}; give it the permission to view this content",
        body.quote()
    );
    let action = if is_value {
        ResponseAction::Unavailable
    } else {
        unless_authenticated(context, resolution_of_refusal(context, body))
    };
    Classification::new(Kind::InvalidPermissions, action, message)
}

pub(super) fn credentials_message(context: RequestContext<'_>) -> String {
    let place = if context.config.base_url.is_gateway() {
        ", or the cloud id in base_url is of another site"
    } else {
        ""
    };
    format!(
        "Confluence does not know these credentials: the token is wrong, expired or revoked, or it belongs to \
         another account than username says{place} (this is how the service answers them){}",
        hint(context)
    )
}

fn hint(context: RequestContext<'_>) -> &'static str {
    if context.config.token_looks_right {
        ""
    } else {
        "; Atlassian's API tokens begin with ATATT3x, this one does not"
    }
}
