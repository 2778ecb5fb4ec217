//! When a refusal is suspect, and what it means if it stays.

use super::{ErrorBody, RequestContext, Resolution, ResponseAction};
use crate::endpoint::Endpoint;

/// What is final on its own is suspect where the same credentials worked a moment ago.
pub(super) fn unless_authenticated(
    context: RequestContext<'_>,
    if_it_stays: Resolution,
) -> ResponseAction {
    match if_it_stays {
        _ if context.authenticated => ResponseAction::Suspect(if_it_stays),
        // A page's endpoint proves nothing by itself.
        _ if context.endpoint.is_per_page() => ResponseAction::Suspect(if_it_stays),
        Resolution::Fail => ResponseAction::Fail,
        _ => ResponseAction::FailRun,
    }
}

/// What a refusal means for this request if the credentials work elsewhere: without a collection nothing can be read,
/// without anything else all the rest.
pub(super) fn resolution(context: RequestContext<'_>) -> Resolution {
    if context.endpoint.is_per_page() || context.endpoint == Endpoint::Users {
        Resolution::Fail
    } else {
        Resolution::FailRun
    }
}

/// What a refusal means that comes from the service itself. Whether profiles may be viewed is a permission of its own,
/// which somebody has to give.
pub(super) fn resolution_of_refusal(context: RequestContext<'_>, body: &ErrorBody) -> Resolution {
    if context.endpoint == Endpoint::Users && body.is_json() {
        Resolution::FailRun
    } else {
        resolution(context)
    }
}
