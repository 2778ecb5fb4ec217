//! Every answer that was measured, and what it means.

#![allow(clippy::too_many_lines, clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::client::Headers;

const TOKEN: &str = "ATATT3xsecret";

fn config(gateway: bool, token: &str) -> Config {
    let base_url = if gateway {
        "https://api.atlassian.com/ex/confluence/cid"
    } else {
        "https://site.atlassian.net"
    };
    let config = json!({ "base_url": base_url, "username": "a@b.c", "api_token": token });
    Config::parse(&config.to_string()).unwrap()
}

fn failure(
    config: &Config,
    endpoint: Endpoint,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Failure {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let response = Response {
        status,
        headers: Headers(headers.collect()),
        body: body.as_bytes().to_vec(),
    };
    let context = RequestContext {
        endpoint,
        config,
        has_cursor: false,
        page: None,
        authenticated: false,
    };
    classify(context, &response).unwrap_err()
}

const BARE: &str =
    r#"{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":null}]}"#;
const NAMED: &str = r#"{"errors":[{"status":404,"code":"NOT_FOUND","title":"Cannot find a page with id [7]","detail":null}]}"#;
const V1_MISSING: &str = r#"{"statusCode":404,"data":{"authorized":true},"message":"com.atlassian.NotFoundException: Content with id: [7] not found"}"#;
const SCOPE: &str = r#"{"code":401,"message":"Unauthorized; scope does not match"}"#;
const TOMCAT: &str =
    "<!doctype html><html><head><title>HTTP Status 401 – Unauthorized</title></head></html>";
const CANNOT: &str = r#"{"message":"caller cannot access Confluence","statusCode":403}"#;
const NOT_PERMITTED: &str =
    r#"{"statusCode":403,"message":"Current user not permitted to use Confluence"}"#;
const ADDRESS: &str = r#"{"errorMessages":["The IP address has been rejected because it is not on the allowed list. See your admin for more information."],"errors":{}}"#;
const BEARER: &str = r#"{"error": "Failed to parse Connect Session Auth Token"}"#;
const CURSOR: &str = r#"{"errors":[{"status":400,"code":"INVALID_REQUEST_PARAMETER","title":"Provided value for 'cursor' is not the correct type. Expected type is Cursor.","detail":"The provided cursor was not valid."}]}"#;
const PLAN: &str =
    r#"{"statusCode":403,"message":"Analytics are not available in the plan of this site."}"#;
const EDGE: &[(&str, &str)] = &[("X-Cache", "Error from cloudfront")];

#[test]
fn every_measured_answer_means_what_it_was_found_to_mean() {
    use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
    use Kind::{
        InvalidConfig, InvalidCredentials, InvalidPermissions, RateLimited, Unavailable,
        UnexpectedResponse,
    };
    use ResponseAction::{
        Fail, FailRun, PageGone, RateLimited as Limited, RestartListing, Retry, Suspect,
        Unavailable as Refused,
    };
    let gateway = config(true, TOKEN);
    for (endpoint, status, headers, body, kind, action, words) in [
        (
            Views,
            401,
            &[][..],
            SCOPE,
            InvalidPermissions,
            FailRun,
            "lacks the scope read:confluence-content.summary",
        ),
        (
            Users,
            401,
            &[("X-Failure-Category", "FAILURE_CLIENT_SCOPE_CHECK")],
            "{}",
            InvalidPermissions,
            FailRun,
            "read:user:confluence",
        ),
        (
            Spaces,
            401,
            &[],
            r#"{"code":401,"message":"Unauthorized"}"#,
            InvalidCredentials,
            FailRun,
            "the gateway refuses the token",
        ),
        (
            Spaces,
            404,
            &[],
            BARE,
            InvalidCredentials,
            FailRun,
            "the cloud id in base_url is of another site",
        ),
        (
            Pages,
            404,
            &[],
            BARE,
            InvalidCredentials,
            FailRun,
            "wrong, expired or revoked",
        ),
        (
            Pages,
            404,
            &[],
            NAMED,
            InvalidCredentials,
            FailRun,
            "doesn't know these credentials",
        ),
        (
            Users,
            404,
            &[],
            BARE,
            InvalidPermissions,
            Suspect(Resolution::Fail),
            "may not view user profiles",
        ),
        (
            Users,
            404,
            &[],
            NAMED,
            InvalidPermissions,
            Suspect(Resolution::Fail),
            "may not view user profiles",
        ),
        (
            Pages,
            404,
            &[],
            "<html>dead link</html>",
            InvalidConfig,
            FailRun,
            "base_url is not that of a Confluence Cloud site",
        ),
        (
            Versions,
            404,
            &[],
            NAMED,
            UnexpectedResponse,
            PageGone,
            "the page is gone (\"Cannot find a page with id [7]\")",
        ),
        (
            Versions,
            404,
            &[],
            BARE,
            UnexpectedResponse,
            Suspect(Resolution::PageGone),
            "the page is gone",
        ),
        (
            Labels,
            404,
            &[],
            BARE,
            UnexpectedResponse,
            Suspect(Resolution::PageGone),
            "the page is gone",
        ),
        (
            Labels,
            404,
            &[],
            "<html></html>",
            UnexpectedResponse,
            Suspect(Resolution::PageGone),
            "(\"HTML\")",
        ),
        (
            Labels,
            404,
            &[],
            "",
            UnexpectedResponse,
            Suspect(Resolution::PageGone),
            "the page is gone (HTTP 404",
        ),
        (
            Views,
            404,
            &[],
            V1_MISSING,
            UnexpectedResponse,
            Refused,
            "nothing to be had for this page",
        ),
        (
            States,
            404,
            &[],
            V1_MISSING,
            UnexpectedResponse,
            Refused,
            "nothing to be had for this page",
        ),
        (
            Views,
            404,
            &[],
            BARE,
            UnexpectedResponse,
            Suspect(Resolution::Unavailable),
            "nothing to be had",
        ),
        (
            Views,
            403,
            &[],
            PLAN,
            InvalidPermissions,
            Refused,
            "not available in the plan",
        ),
        (
            Views,
            403,
            EDGE,
            PLAN,
            InvalidPermissions,
            Suspect(Resolution::Unavailable),
            "may not do this",
        ),
        (
            States,
            403,
            &[],
            PLAN,
            InvalidPermissions,
            Suspect(Resolution::Fail),
            "give it the permission to view",
        ),
        (
            Views,
            403,
            &[],
            CANNOT,
            InvalidCredentials,
            Suspect(Resolution::Fail),
            "doesn't know these credentials",
        ),
        (
            States,
            403,
            EDGE,
            NOT_PERMITTED,
            InvalidCredentials,
            Suspect(Resolution::Fail),
            "doesn't know these credentials",
        ),
        (
            Versions,
            403,
            EDGE,
            NOT_PERMITTED,
            InvalidCredentials,
            Suspect(Resolution::Fail),
            "doesn't know these credentials",
        ),
        (
            Pages,
            403,
            EDGE,
            NOT_PERMITTED,
            InvalidCredentials,
            FailRun,
            "doesn't know these credentials",
        ),
        (
            Spaces,
            403,
            &[],
            ADDRESS,
            InvalidPermissions,
            FailRun,
            "allow-list of IP addresses",
        ),
        (
            Views,
            403,
            &[],
            ADDRESS,
            InvalidPermissions,
            FailRun,
            "allow-list of IP addresses",
        ),
        (
            Spaces,
            403,
            &[],
            BEARER,
            InvalidCredentials,
            FailRun,
            "doesn't know these credentials",
        ),
        (
            Spaces,
            403,
            &[],
            "",
            InvalidPermissions,
            FailRun,
            "may not do this; give it",
        ),
        (
            Pages,
            400,
            &[],
            CURSOR,
            UnexpectedResponse,
            RestartListing,
            "finds fault with the request",
        ),
        (
            Pages,
            400,
            &[],
            r#"{"message":"limit"}"#,
            UnexpectedResponse,
            FailRun,
            "(\"limit\")",
        ),
        (
            Pages,
            302,
            &[("Location", "https://id.atlassian.com/login?continue=x")],
            "",
            UnexpectedResponse,
            FailRun,
            "a redirect to id.atlassian.com, which",
        ),
        (
            Pages,
            302,
            &[("Location", "/login?continue=x")],
            "",
            UnexpectedResponse,
            FailRun,
            "a redirect, which",
        ),
        (
            Pages,
            408,
            &[],
            r#"{"code":408,"message":"Request Timeout"}"#,
            Unavailable,
            Retry,
            "timed out",
        ),
        (
            Pages,
            429,
            &[],
            r#"{"code":429,"message":"Rate limit exceeded"}"#,
            RateLimited,
            Limited,
            "call again later",
        ),
        (
            Pages,
            500,
            &[],
            r#"{"errors":[{"status":500,"title":"Internal Server Error","detail":"oops"}]}"#,
            Unavailable,
            Retry,
            "(\"Internal Server Error: oops\")",
        ),
        (
            Pages,
            503,
            &[],
            "<html>503</html>",
            Unavailable,
            Retry,
            "call again later",
        ),
        (
            Pages,
            599,
            &[],
            "",
            Unavailable,
            Retry,
            "the service failed; call again later",
        ),
        (
            Pages,
            410,
            &[],
            r#"{"statusCode":410,"message":"This deprecated endpoint has been removed."}"#,
            UnexpectedResponse,
            FailRun,
            "endpoint has been removed",
        ),
        (
            Pages,
            405,
            &[],
            r#"{"other":1}"#,
            UnexpectedResponse,
            FailRun,
            "doesn't know (HTTP 405",
        ),
    ] {
        let problem = failure(&gateway, endpoint, status, headers, body);
        let Failure {
            error,
            action: found,
            ..
        } = problem;
        let why = format!("{endpoint} {status} {body}: {error}");
        assert_eq!((error.kind, found), (kind, action), "{why}");
        assert!(error.message.contains(words), "{words:?} in {why}");
        assert!(
            error
                .message
                .ends_with(&format!("(HTTP {status} from {endpoint})")),
            "{why}"
        );
        assert_eq!(
            (error.endpoint, error.http_status),
            (Some(endpoint), Some(status)),
            "{why}"
        );
        assert!(!error.message.contains("continue=x"), "no query: {why}");
    }
}

#[test]
fn the_host_and_the_token_make_a_difference_to_what_is_advised() {
    let site = failure(&config(false, TOKEN), Endpoint::Spaces, 401, &[], TOMCAT).error;
    assert_eq!(site.kind, Kind::InvalidCredentials);
    assert!(
        site.message
            .contains("https://api.atlassian.com/ex/confluence/<cloud-id>")
    );
    let site = failure(&config(false, TOKEN), Endpoint::Spaces, 404, &[], BARE).error;
    assert!(!site.message.contains("cloud id") && !site.message.contains("ATATT3x"));
    let other = failure(&config(true, "other"), Endpoint::Spaces, 404, &[], BARE).error;
    assert!(
        other
            .message
            .contains("begin with ATATT3x, this one doesn't")
    );
}

#[test]
fn what_goes_well_is_no_problem() {
    let config = config(true, TOKEN);
    for status in [200, 204, 299] {
        let response = Response {
            status,
            body: b"<html>".to_vec(),
            ..Response::default()
        };
        let context = RequestContext {
            endpoint: Endpoint::Pages,
            config: &config,
            has_cursor: false,
            page: None,
            authenticated: false,
        };
        assert_eq!(classify(context, &response), Ok(()), "{status}");
    }
}

/// Only a listing with a cursor can be told that its cursor is stale.
#[test]
fn a_cursor_that_was_not_sent_is_not_stale() {
    let config = config(true, TOKEN);
    let response = Response {
        status: 400,
        body: CURSOR.into(),
        ..Response::default()
    };
    let context = RequestContext {
        endpoint: Endpoint::Pages,
        config: &config,
        has_cursor: false,
        page: None,
        authenticated: false,
    };
    assert_eq!(
        classify(context, &response).unwrap_err().action,
        ResponseAction::Fail
    );
}

proptest! {
    #[test]
    fn no_body_panics_is_quoted_at_length_or_shows_the_token(
        status in 300_u16..700,
        before in "\\PC{0,200}",
        shape in 0_usize..5,
        endpoint in prop::sample::select(Endpoint::ALL.to_vec()),
    ) {
        let text = format!("{before}{TOKEN}{}", "long ".repeat(200));
        let body = match shape {
            0 => json!({"errors": [{"title": text, "detail": text}]}).to_string(),
            1 => json!({"message": text, "statusCode": status}).to_string(),
            2 => json!({"errorMessages": [text]}).to_string(),
            3 => json!({"error": text}).to_string(),
            _ => text,
        };
        let problem = failure(&config(true, TOKEN), endpoint, status, &[], &body);
        let message = problem.error.message;
        prop_assert!(message.chars().count() < 120 + 330, "{}", message);
        prop_assert!(!message.contains("secret"), "{}", message);
        prop_assert!(!message.chars().any(char::is_control), "{}", message);
    }
}
