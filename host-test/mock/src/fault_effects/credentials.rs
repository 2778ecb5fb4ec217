//! What faults leave of the credentials, and who answers when a token is revoked.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::canned;
use crate::access::{AccessPolicy, TokenKind, current_scopes};
use crate::endpoint::{Endpoint, Target};
use crate::error_responses::{bare_not_found, gateway_unauthorized, tomcat_unauthorized};
use crate::fault::Fault;
use crate::fault_plan::ActiveFaults;
use crate::faults::FaultKind;
use crate::reply::Reply;

/// The forms of [`FaultKind::TokenDies`] that `mixed` goes through.
const REVOKED_FORMS: [&str; 5] = ["html-403", "html-401", "json-401", "bare-404", "captcha"];

/// The policy that faults leave of the real one.
pub(in super::super) fn effective_policy<'a>(
    active: &ActiveFaults<'_>,
    real: &'a AccessPolicy,
    target: Target<'_>,
) -> Cow<'a, AccessPolicy> {
    let mut access = Cow::Borrowed(real);
    for fault in active.all() {
        match fault.kind {
            FaultKind::WrongToken | FaultKind::TokenDies => revoke(access.to_mut()),
            FaultKind::PublicSite => {
                revoke(access.to_mut());
                access.to_mut().public = true;
            }
            FaultKind::NoSpaces => access.to_mut().spaces_visible = false,
            FaultKind::ScopedOnSite => access.to_mut().kind = TokenKind::Scoped(scopes(real)),
            FaultKind::MissingScope => {
                let mut left = scopes(&access);
                left.retain(|scope| !is_lost(fault, target, scope));
                access.to_mut().kind = TokenKind::Scoped(left);
            }
            _ => {}
        }
    }
    access
}

/// The response to a revoked token when something other than Confluence itself gives it.
pub(super) fn revoked_response(active: &ActiveFaults<'_>) -> Option<Reply> {
    let fault = active.get(FaultKind::TokenDies)?;
    let number = usize::try_from(active.request_number).unwrap_or(0);
    let form = match fault.form {
        "mixed" => REVOKED_FORMS.get(number % REVOKED_FORMS.len())?,
        form => form,
    };
    Some(match form {
        "html-403" => canned::block_page("proxy"),
        "html-401" => tomcat_unauthorized(),
        "json-401" => gateway_unauthorized(),
        "bare-404" => bare_not_found(),
        "captcha" => canned::captcha(),
        _ => return None,
    })
}

/// Makes the token another one than anybody has.
fn revoke(access: &mut AccessPolicy) {
    access.token.push_str(" is revoked");
}

fn is_lost(fault: &Fault, target: Target<'_>, scope: &str) -> bool {
    match (&fault.scope, target) {
        (Some(lost), _) => lost == scope,
        (None, Target::Endpoint(endpoint, _)) => Endpoint::scopes(endpoint).contains(&scope),
        (None, _) => false,
    }
}

fn scopes(access: &AccessPolicy) -> BTreeSet<String> {
    match &access.kind {
        TokenKind::Scoped(scopes) => scopes.clone(),
        TokenKind::Unscoped => current_scopes(),
    }
}
