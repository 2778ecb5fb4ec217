//! From a request to an answer, without a connection: who may see it, what it asks for, what there is.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{Method, StatusCode};
use serde_json::json;

use super::access::{AccessPolicy, Visibility};
use super::corpus::Page;
use super::damage::fnv1a;
use super::endpoint::{Endpoint, EntryPoint, Target, route};
use super::error_responses::{
    bad_parameter, bare_not_found, html_not_found, named_missing, v2_error,
};
use super::fault_effects;
use super::fault_plan::{ActiveFaults, FaultPlan};
use super::paging::ListingRequest;
use super::parameters::Parameters;
use super::reply::Reply;
use super::request::IncomingRequest;
use super::site::Site;
use super::{details, listings};

/// Answers a request as a site without faults would.
#[must_use]
pub fn answer(site: &Site, request: &IncomingRequest) -> Reply {
    answer_with(site, request, &FaultPlan::default())
}

/// Answers a request with the faults ordered; a fault that is counted is counted down.
#[must_use]
pub fn answer_with(site: &Site, request: &IncomingRequest, fault_plan: &FaultPlan) -> Reply {
    let (entry, target) = route(&request.path);
    let active = fault_plan.active_faults(site, entry, target, request);
    let reply = fault_effects::replace_response(&active, site, target).unwrap_or_else(|| {
        let access = fault_effects::effective_policy(&active, &site.access, target);
        respond(site, &access, entry, target, request, &active)
    });
    let reply = fault_effects::alter_response(reply, &active, target, request);
    let is_encoded = reply.headers.contains_key(CONTENT_ENCODING);
    let encoded = if accepts_gzip(request) && !is_encoded && reply.body.len() > WORTH_COMPRESSING {
        reply.compressed()
    } else {
        reply
    };
    with_edge_headers(encoded, site, &active)
}

/// Bodies up to this many bytes are not compressed.
const WORTH_COMPRESSING: usize = 1024;

fn accepts_gzip(request: &IncomingRequest) -> bool {
    let accepted = request.headers.get(ACCEPT_ENCODING);
    accepted
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"))
}

/// The headers that each response of the service has.
fn with_edge_headers(reply: Reply, site: &Site, active: &ActiveFaults<'_>) -> Reply {
    let trace = fnv1a(&active.request_number.to_be_bytes());
    reply
        .with("date", &httpdate::fmt_http_date(site.now()))
        .with("server", "AtlassianEdge")
        .with("vary", "Accept-Encoding")
        .with("cache-control", "no-cache, no-store, no-transform")
        .with("strict-transport-security", "max-age=63072000; preload")
        .with("x-content-type-options", "nosniff")
        .with("x-xss-protection", "1; mode=block")
        .with(
            "atl-traceid",
            &format!("{trace:016x}{:016x}", trace.rotate_left(29)),
        )
        .with("atl-request-id", &format!("{trace:016x}"))
        .with(
            "server-timing",
            "atl-edge;dur=42,atl-edge-internal;dur=3,atl-edge-upstream;dur=39",
        )
}

fn respond(
    site: &Site,
    access: &AccessPolicy,
    entry: EntryPoint<'_>,
    target: Target<'_>,
    request: &IncomingRequest,
    active: &ActiveFaults<'_>,
) -> Reply {
    if target == Target::TenantInfo && request.method == Method::GET {
        return Reply::json(
            StatusCode::OK,
            json!({"cloudId": site.corpus().cloud_id}).to_string(),
        );
    }
    if target == Target::Endpoint(Endpoint::Token, "") {
        let client = &access.oauth;
        return client.exchange(request, site.now(), active.request_number);
    }
    let cloud_id = &site.corpus().cloud_id;
    let visibility = match access.authorize(cloud_id, entry, target, &request.headers, site.now()) {
        Ok(visibility) => visibility,
        Err(refusal) => return *refusal,
    };
    let Target::Endpoint(endpoint, id) = target else {
        return html_not_found();
    };
    if request.method != method(endpoint) {
        return method_not_allowed();
    }
    let parameters = match Parameters::read(endpoint, &request.query) {
        Ok(parameters) => parameters,
        Err(refusal) => return *refusal,
    };
    let listing_request = ListingRequest {
        site,
        path: site_path(&request.path, entry),
        query: &request.query,
        parameters: &parameters,
        active,
    };
    match endpoint {
        Endpoint::Spaces => listings::spaces(&listing_request, visibility),
        Endpoint::Pages => listings::pages(&listing_request, visibility),
        Endpoint::Users => details::users(site, request, visibility),
        _ => about_page(&listing_request, endpoint, id, visibility),
    }
}

fn method_not_allowed() -> Reply {
    v2_error(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        "Method Not Allowed",
        None,
    )
}

fn method(endpoint: Endpoint) -> Method {
    if endpoint == Endpoint::Users {
        Method::POST
    } else {
        Method::GET
    }
}

/// The path without the gateway's part.
fn site_path<'a>(path: &'a str, entry: EntryPoint<'_>) -> &'a str {
    let prefix = match entry {
        EntryPoint::Site => 0,
        EntryPoint::Gateway(cloud_id) => "/ex/confluence/".len() + cloud_id.len(),
    };
    path.get(prefix..).unwrap_or(path)
}

/// Answers about one page. Trashed pages still have details; only pages that are gone have none.
fn about_page(
    listing_request: &ListingRequest<'_>,
    endpoint: Endpoint,
    id: &str,
    visibility: Visibility,
) -> Reply {
    if !endpoint.is_v1() && id.parse::<i64>().is_err() {
        return bad_parameter("id", "long");
    }
    match listing_request.site.visible_page(id, visibility) {
        Some(page) => page_details(listing_request, endpoint, page),
        None => missing(listing_request.site, endpoint, id),
    }
}

fn page_details(listing_request: &ListingRequest<'_>, endpoint: Endpoint, page: &Page) -> Reply {
    match endpoint {
        Endpoint::Versions => listings::versions(listing_request, page),
        Endpoint::Labels => listings::labels(listing_request, page),
        Endpoint::Views => details::views(page),
        _ => details::state(page, listing_request.parameters.one("status")),
    }
}

/// A page that is not there; only the labels of a purged page are not told by name (measured).
fn missing(site: &Site, endpoint: Endpoint, id: &str) -> Reply {
    if endpoint == Endpoint::Labels && site.corpus().purged.iter().any(|purged| purged == id) {
        return bare_not_found();
    }
    named_missing(endpoint, id)
}

#[cfg(test)]
mod tests;
