//! What a status other than that of success means.

use super::suspicion::{resolution, unless_authenticated};
use super::{
    Classification, ErrorBody, RequestContext, ResponseAction, not_found, redirect, refusal,
    suspension,
};
use crate::client::Response;
use crate::error::Kind;

pub(super) fn classify_status(
    context: RequestContext<'_>,
    response: &Response,
    body: &ErrorBody,
) -> Classification {
    let unavailable =
        |message: String| Classification::new(Kind::Unavailable, ResponseAction::Retry, message);
    match response.status {
        status if status >= 400 && suspension::is_suspended(body) => suspension::suspended(),
        300..=399 => redirect::redirect(context, response),
        400 | 410 if context.has_cursor => Classification::new(
            Kind::UnexpectedResponse,
            ResponseAction::RestartListing,
            format!(
                "the service does not accept the cursor of the listing{}",
                body.quote()
            ),
        ),
        400 => failed(format!("the service rejects the request{}", body.quote())),
        401 => refusal::unauthorized(context, response, body),
        402 => Classification::new(
            Kind::InvalidPermissions,
            unless_authenticated(context, resolution(context)),
            format!(
                "the site's subscription does not cover this; ask its administrator{}",
                body.quote()
            ),
        ),
        403 => refusal::forbidden(context, response, body),
        404 => not_found::not_found(context, body),
        407 => Classification::new(
            Kind::InvalidConfig,
            ResponseAction::FailRun,
            "a proxy on the way asks for credentials; put them into the proxy settings of the host",
        ),
        408 | 421 | 425 => unavailable(format!(
            "the service timed out or was not ready{}; call again later",
            body.quote()
        )),
        410 => failed(format!(
            "the service has removed this endpoint{}",
            body.quote()
        )),
        429 => Classification::new(
            Kind::RateLimited,
            ResponseAction::RateLimited,
            "the service limits the rate of requests; call again later",
        ),
        451 => Classification::new(
            Kind::InvalidPermissions,
            unless_authenticated(context, resolution(context)),
            format!("the content is blocked for legal reasons{}", body.quote()),
        ),
        500..=599 => unavailable(format!(
            "the service failed{}; call again later",
            body.quote()
        )),
        // Something in between may have answered once.
        _ => Classification {
            action: ResponseAction::RetryBody,
            ..failed(format!(
                "an answer that this connector does not know{}",
                body.quote()
            ))
        },
    }
}

fn failed(message: String) -> Classification {
    Classification::new(Kind::UnexpectedResponse, ResponseAction::Fail, message)
}
