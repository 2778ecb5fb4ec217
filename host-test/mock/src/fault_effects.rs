//! What faults do to a response: replace it, or alter it when it is finished.

mod canned;
mod credentials;
mod links;
mod rows;
mod waits;

use bytes::Bytes;
use http::StatusCode;

use super::damage;
use super::endpoint::Target;
use super::error_responses::{
    NOT_PERMITTED, address_refused, bad_parameter, bare_not_found, expired_cursor,
    gateway_unauthorized, named_missing, v1_error, v1_forbidden,
};
use super::fault::Fault;
use super::fault_plan::ActiveFaults;
use super::faults::FaultKind;
use super::reply::{EarlyEnd, Reply, Transmission};
use super::request::IncomingRequest;
use super::site::Site;

pub(super) use self::credentials::effective_policy;

/// The size of a huge body in bytes.
const HUGE_BODY_BYTES: u64 = 200 << 20;
/// The size of a chunk in bytes when a fault does not say.
const SMALL_CHUNK: u64 = 7;

/// The response that a fault gives instead of the site's.
pub(super) fn replace_response(
    active: &ActiveFaults<'_>,
    site: &Site,
    target: Target<'_>,
) -> Option<Reply> {
    let Target::Endpoint(endpoint, id) = target else {
        return None;
    };
    if let Some(reply) = credentials::revoked_response(active) {
        return Some(reply);
    }
    let fault = active.all().find(|fault| fault.kind.is_whole_answer())?;
    Some(match fault.kind {
        FaultKind::IpAllowList => address_refused(),
        FaultKind::GatewayUnauthorized => gateway_unauthorized(),
        FaultKind::RouteGone => canned::gone(),
        FaultKind::PageGone => named_missing(endpoint, id),
        FaultKind::FalseNotFound | FaultKind::PageGoneBare => bare_not_found(),
        FaultKind::FalseForbidden => {
            v1_forbidden(NOT_PERMITTED).with("x-cache", "Error from cloudfront")
        }
        FaultKind::CursorExpires => expired_cursor(fault.status_or(StatusCode::BAD_REQUEST)),
        FaultKind::BadRequest if endpoint.is_v1() => {
            v1_error(StatusCode::BAD_REQUEST, "Invalid input")
        }
        FaultKind::BadRequest => bad_parameter("id", "long"),
        FaultKind::BadAccount => Reply {
            status: fault.status_or(StatusCode::BAD_REQUEST),
            ..bad_parameter("accountIds", "List of 1 to 250 String")
        },
        FaultKind::EmptyOk => Reply::json(StatusCode::OK, Bytes::new()),
        FaultKind::ErrorInOk => canned::error_in_ok(fault),
        _ => {
            waits::service_failure(fault, site.now()).unwrap_or_else(|| canned::page(fault, target))
        }
    })
}

/// What faults do to a finished response.
pub(super) fn alter_response(
    mut reply: Reply,
    active: &ActiveFaults<'_>,
    target: Target<'_>,
    request: &IncomingRequest,
) -> Reply {
    for fault in active.all() {
        reply = match fault.kind {
            FaultKind::NearLimit => reply.with("x-ratelimit-nearlimit", "true"),
            FaultKind::TruncatedJson if reply.status.is_success() => truncated(reply),
            FaultKind::Damage if reply.status.is_success() => damage::apply(reply, fault, request),
            FaultKind::NoLinks | FaultKind::AbsoluteLinks if reply.status.is_success() => {
                links::altered(reply, fault)
            }
            _ if reply.status.is_success() => rows::altered(reply, fault, target),
            _ => reply,
        };
        if let Some(transmission) = transmission(fault, &reply) {
            reply.transmission = transmission;
        }
        if fault.kind == FaultKind::Gzip {
            reply = reply.compressed();
        }
    }
    reply
}

/// How a fault has a response sent.
fn transmission(fault: &Fault, reply: &Reply) -> Option<Transmission> {
    let half = reply.body.len() as u64 / 2;
    let cut = |end| Transmission::Cut {
        bytes: fault.bytes.unwrap_or(half),
        end,
    };
    Some(match fault.kind {
        FaultKind::HugeBody => Transmission::Huge(HUGE_BODY_BYTES),
        FaultKind::Drip => Transmission::Drip,
        FaultKind::Stall => Transmission::Stall,
        FaultKind::Hang => Transmission::Hang,
        FaultKind::ResetBefore => Transmission::ResetBefore,
        FaultKind::ResetWithin => Transmission::ResetWithin,
        FaultKind::CloseBefore | FaultKind::CloseOnReuse => Transmission::CloseBefore,
        FaultKind::Cut => cut(match fault.form {
            "length" => EarlyEnd::ContentLength,
            "chunked" => EarlyEnd::Chunked,
            _ => EarlyEnd::Unframed,
        }),
        FaultKind::NoLength => Transmission::Unframed,
        FaultKind::H2NoError => cut(EarlyEnd::StreamReset),
        FaultKind::Chunked => Transmission::Chunked(fault.bytes.unwrap_or(SMALL_CHUNK)),
        _ => return None,
    })
}

fn truncated(reply: Reply) -> Reply {
    let half = reply.body.len() / 2;
    Reply {
        body: reply.body.slice(..half),
        ..reply
    }
}

#[cfg(test)]
mod tests;
