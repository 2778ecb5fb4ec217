//! What a 404 means: a missing page or value, a missing permission, wrong credentials, or another server.

use super::refusal::{credentials_message, ip_denied};
use super::suspicion::{resolution, unless_authenticated};
use super::{Classification, ErrorBody, RequestContext, Resolution, ResponseAction};
use crate::endpoint::Endpoint;
use crate::error::Kind;

pub(super) fn not_found(context: RequestContext<'_>, body: &ErrorBody) -> Classification {
    if let Some(refusal) = ip_denied(context, body) {
        return refusal;
    }
    match context.endpoint {
        _ if resolution(context) == Resolution::Fail && body.is_html() => {
            let message = "the service has no such endpoint, or something in between blocks it with a web page";
            Classification::new(
                Kind::UnexpectedResponse,
                ResponseAction::Suspect(Resolution::Fail),
                message,
            )
        }
        Endpoint::Views | Endpoint::States => {
            let action = if body.identifies_resource() {
                ResponseAction::Unavailable
            } else {
                ResponseAction::Suspect(Resolution::Unavailable)
            };
            let message = format!("not available for this page{}", body.quote());
            Classification::new(Kind::UnexpectedResponse, action, message)
        }
        Endpoint::Versions | Endpoint::Labels => {
            let action = if body.is_v2_about_one() {
                ResponseAction::PageGone
            } else {
                ResponseAction::Suspect(Resolution::PageGone)
            };
            let message = format!("the page no longer exists{}", body.quote());
            Classification::new(Kind::UnexpectedResponse, action, message)
        }
        // Documented as the answer to who may not view profiles; the collection tells it from a dead token.
        Endpoint::Users if body.is_json() => {
            let message = format!("the account may not view user profiles{}", body.quote());
            Classification::new(
                Kind::InvalidPermissions,
                ResponseAction::Suspect(Resolution::FailRun),
                message,
            )
        }
        _ if !body.is_json() && context.authenticated => {
            let message = "something between here and Confluence says that there is no such address, which answered \
                 before; call again later";
            let action = ResponseAction::Suspect(Resolution::FailRun);
            Classification::new(Kind::Unavailable, action, message)
        }
        _ if !body.is_json() => {
            let message = "base_url is not that of a Confluence Cloud site: there is no such interface; use \
                 https://api.atlassian.com/ex/confluence/<cloud-id> or https://<site>.atlassian.net";
            let action = unless_authenticated(context, Resolution::FailRun);
            Classification::new(Kind::InvalidConfig, action, message)
        }
        _ => {
            let action = unless_authenticated(context, Resolution::FailRun);
            Classification::new(
                Kind::InvalidCredentials,
                action,
                credentials_message(context),
            )
        }
    }
}
