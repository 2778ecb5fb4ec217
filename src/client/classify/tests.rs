//! Every answer that was measured, and what it means.

#![allow(clippy::too_many_lines, clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::http::Headers;

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

fn judge(
    config: &Config,
    endpoint: Endpoint,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Problem {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let response = Response {
        status,
        headers: Headers(headers.collect()),
        body: body.as_bytes().to_vec(),
    };
    let asked = Asked {
        endpoint,
        config,
        cursor: true,
    };
    classify(asked, &response).unwrap_err()
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
    use Nature::{Doubtful, Final, Limited, Missing, Refused, StaleCursor, Transient};
    let gateway = config(true, TOKEN);
    for (endpoint, status, headers, body, kind, nature, words) in [
        (
            Views,
            401,
            &[][..],
            SCOPE,
            InvalidPermissions,
            Final,
            "lacks the scope read:confluence-content.summary",
        ),
        (
            Users,
            401,
            &[("X-Failure-Category", "FAILURE_CLIENT_SCOPE_CHECK")],
            "{}",
            InvalidPermissions,
            Final,
            "read:user:confluence",
        ),
        (
            Spaces,
            401,
            &[],
            r#"{"code":401,"message":"Unauthorized"}"#,
            InvalidCredentials,
            Final,
            "the gateway refuses the token",
        ),
        (
            Spaces,
            404,
            &[],
            BARE,
            InvalidCredentials,
            Final,
            "the cloud id in base_url is of another site",
        ),
        (
            Pages,
            404,
            &[],
            BARE,
            InvalidCredentials,
            Final,
            "wrong, expired or revoked",
        ),
        (
            Pages,
            404,
            &[],
            NAMED,
            InvalidCredentials,
            Final,
            "doesn't know these credentials",
        ),
        (
            Users,
            404,
            &[],
            BARE,
            InvalidPermissions,
            Doubtful(Settled::Final),
            "may not view user profiles",
        ),
        (
            Users,
            404,
            &[],
            NAMED,
            InvalidPermissions,
            Doubtful(Settled::Final),
            "may not view user profiles",
        ),
        (
            Pages,
            404,
            &[],
            "<html>dead link</html>",
            InvalidConfig,
            Final,
            "base_url is not that of a Confluence Cloud site",
        ),
        (
            Versions,
            404,
            &[],
            NAMED,
            UnexpectedResponse,
            Missing,
            "the page is gone (\"Cannot find a page with id [7]\")",
        ),
        (
            Versions,
            404,
            &[],
            BARE,
            UnexpectedResponse,
            Doubtful(Settled::Gone),
            "the page is gone",
        ),
        (
            Labels,
            404,
            &[],
            BARE,
            UnexpectedResponse,
            Doubtful(Settled::Gone),
            "the page is gone",
        ),
        (
            Labels,
            404,
            &[],
            "<html></html>",
            UnexpectedResponse,
            Doubtful(Settled::Gone),
            "(\"HTML\")",
        ),
        (
            Labels,
            404,
            &[],
            "",
            UnexpectedResponse,
            Doubtful(Settled::Gone),
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
            Doubtful(Settled::Refused),
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
            Doubtful(Settled::Refused),
            "may not do this",
        ),
        (
            States,
            403,
            &[],
            PLAN,
            InvalidPermissions,
            Doubtful(Settled::Final),
            "give it the permission to view",
        ),
        (
            Views,
            403,
            &[],
            CANNOT,
            InvalidCredentials,
            Doubtful(Settled::Final),
            "doesn't know these credentials",
        ),
        (
            States,
            403,
            EDGE,
            NOT_PERMITTED,
            InvalidCredentials,
            Doubtful(Settled::Final),
            "doesn't know these credentials",
        ),
        (
            Versions,
            403,
            EDGE,
            NOT_PERMITTED,
            InvalidCredentials,
            Doubtful(Settled::Final),
            "doesn't know these credentials",
        ),
        (
            Pages,
            403,
            EDGE,
            NOT_PERMITTED,
            InvalidCredentials,
            Final,
            "doesn't know these credentials",
        ),
        (
            Spaces,
            403,
            &[],
            ADDRESS,
            InvalidPermissions,
            Final,
            "allow-list of IP addresses",
        ),
        (
            Views,
            403,
            &[],
            ADDRESS,
            InvalidPermissions,
            Final,
            "allow-list of IP addresses",
        ),
        (
            Spaces,
            403,
            &[],
            BEARER,
            InvalidCredentials,
            Final,
            "doesn't know these credentials",
        ),
        (
            Spaces,
            403,
            &[],
            "",
            InvalidPermissions,
            Final,
            "may not do this; give it",
        ),
        (
            Pages,
            400,
            &[],
            CURSOR,
            UnexpectedResponse,
            StaleCursor,
            "finds fault with the request",
        ),
        (
            Pages,
            400,
            &[],
            r#"{"message":"limit"}"#,
            UnexpectedResponse,
            Final,
            "(\"limit\")",
        ),
        (
            Pages,
            302,
            &[("Location", "https://id.atlassian.com/login?continue=x")],
            "",
            UnexpectedResponse,
            Final,
            "a redirect to id.atlassian.com, which",
        ),
        (
            Pages,
            302,
            &[("Location", "/login?continue=x")],
            "",
            UnexpectedResponse,
            Final,
            "a redirect, which",
        ),
        (
            Pages,
            408,
            &[],
            r#"{"code":408,"message":"Request Timeout"}"#,
            Unavailable,
            Transient,
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
            Transient,
            "(\"Internal Server Error: oops\")",
        ),
        (
            Pages,
            503,
            &[],
            "<html>503</html>",
            Unavailable,
            Transient,
            "call again later",
        ),
        (
            Pages,
            599,
            &[],
            "",
            Unavailable,
            Transient,
            "the service failed; call again later",
        ),
        (
            Pages,
            410,
            &[],
            r#"{"statusCode":410,"message":"This deprecated endpoint has been removed."}"#,
            UnexpectedResponse,
            Final,
            "endpoint has been removed",
        ),
        (
            Pages,
            405,
            &[],
            r#"{"other":1}"#,
            UnexpectedResponse,
            Final,
            "doesn't know (HTTP 405",
        ),
    ] {
        let problem = judge(&gateway, endpoint, status, headers, body);
        let Problem {
            error,
            nature: found,
            ..
        } = problem;
        let why = format!("{endpoint} {status} {body}: {error}");
        assert_eq!((error.kind, found), (kind, nature), "{why}");
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
    let site = judge(&config(false, TOKEN), Endpoint::Spaces, 401, &[], TOMCAT).error;
    assert_eq!(site.kind, Kind::InvalidCredentials);
    assert!(
        site.message
            .contains("https://api.atlassian.com/ex/confluence/<cloud-id>")
    );
    let site = judge(&config(false, TOKEN), Endpoint::Spaces, 404, &[], BARE).error;
    assert!(!site.message.contains("cloud id") && !site.message.contains("ATATT3x"));
    let other = judge(&config(true, "other"), Endpoint::Spaces, 404, &[], BARE).error;
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
        let asked = Asked {
            endpoint: Endpoint::Pages,
            config: &config,
            cursor: false,
        };
        assert_eq!(classify(asked, &response), Ok(()), "{status}");
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
    let asked = Asked {
        endpoint: Endpoint::Pages,
        config: &config,
        cursor: false,
    };
    assert_eq!(
        classify(asked, &response).unwrap_err().nature,
        Nature::Final
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
        let problem = judge(&config(true, TOKEN), endpoint, status, &[], &body);
        let message = problem.error.message;
        prop_assert!(message.chars().count() < 120 + 330, "{}", message);
        prop_assert!(!message.contains("secret"), "{}", message);
        prop_assert!(!message.chars().any(char::is_control), "{}", message);
    }
}
