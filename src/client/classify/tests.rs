//! Every answer that was measured, and what it means.

#![allow(clippy::too_many_lines, clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::response;

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

fn context(config: &Config, endpoint: Endpoint) -> RequestContext<'_> {
    RequestContext {
        endpoint,
        page: None,
        config,
        has_cursor: false,
        authenticated: false,
    }
}

fn failure(
    config: &Config,
    endpoint: Endpoint,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Failure {
    classify(context(config, endpoint), &response(status, headers, body)).unwrap_err()
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
const BLOCK_PAGE: &str = "<html><title>Request blocked</title></html>";
const SUSPENDED: &str = "<!doctype html><html><body>Your site has been suspended</body></html>";
const PASSWORD: &str = "Basic authentication with passwords is deprecated.  For more information, see: https://developer.atlassian.com/cloud/confluence/deprecation-notice-basic-auth/";
const EDGE: &[(&str, &str)] = &[("X-Cache", "Error from cloudfront")];

/// An endpoint, a status, its headers and body; who has to act, what to do, and words of the message.
type Case<'a> = (
    Endpoint,
    u16,
    &'a [(&'a str, &'a str)],
    &'a str,
    Kind,
    ResponseAction,
    &'a str,
);

#[test]
#[rustfmt::skip]
fn every_measured_answer_means_what_it_was_found_to_mean() {
    use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
    use Kind::{InvalidConfig, InvalidCredentials, InvalidPermissions, RateLimited, UnexpectedResponse};
    use ResponseAction::{Fail, FailRun, PageGone, RestartListing, Retry, Suspect};
    let gone = Suspect(Resolution::PageGone);
    let without_value = Suspect(Resolution::Unavailable);
    let suspect = Suspect(Resolution::Fail);
    let retry = Kind::Unavailable;
    let cases: &[Case<'_>] = &[
        (Views, 401, &[], SCOPE, InvalidPermissions, FailRun, "lacks the scope read:confluence-content.summary"),
        (Users, 401, &[("X-Failure-Category", "FAILURE_CLIENT_SCOPE_CHECK")], "{}", InvalidPermissions, FailRun, "read:user:confluence"),
        (Spaces, 401, &[], r#"{"code":401,"message":"Unauthorized"}"#, InvalidCredentials, FailRun, "the gateway refuses the token"),
        (Spaces, 401, &[("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")], TOMCAT, InvalidCredentials, FailRun, "does not allow API tokens"),
        (Spaces, 401, &[("X-Seraph-LoginReason", "AUTHENTICATION_DENIED")], "", InvalidCredentials, FailRun, "CAPTCHA"),
        (Spaces, 403, &[("X-Authentication-Denied-Reason", "CAPTCHA_CHALLENGE; login-url=https://x")], "", InvalidCredentials, FailRun, "log in once in a browser"),
        (Spaces, 401, &[], PASSWORD, InvalidCredentials, FailRun, "this is a password"),
        (Spaces, 404, &[], BARE, InvalidCredentials, FailRun, "the cloud id in base_url is of another site"),
        (Pages, 404, &[], BARE, InvalidCredentials, FailRun, "wrong, expired or revoked"),
        (Pages, 404, &[], NAMED, InvalidCredentials, FailRun, "does not know these credentials"),
        (Users, 404, &[], BARE, InvalidPermissions, Suspect(Resolution::FailRun), "may not view user profiles"),
        (Users, 404, &[], NAMED, InvalidPermissions, Suspect(Resolution::FailRun), "may not view user profiles"),
        (Pages, 404, &[], "<html>dead link</html>", InvalidConfig, FailRun, "base_url is not that of a Confluence Cloud site"),
        (Versions, 404, &[], NAMED, UnexpectedResponse, PageGone, "no longer exists (\"Cannot find a page with id [7]\")"),
        (Versions, 404, &[], BARE, UnexpectedResponse, gone, "the page no longer exists"),
        (Labels, 404, &[], BARE, UnexpectedResponse, gone, "the page no longer exists"),
        (Labels, 404, &[], "", UnexpectedResponse, gone, "no longer exists (HTTP 404"),
        (Labels, 404, &[], "<html></html>", UnexpectedResponse, suspect, "no such endpoint"),
        (Views, 404, &[], V1_MISSING, UnexpectedResponse, ResponseAction::Unavailable, "not available for this page"),
        (States, 404, &[], V1_MISSING, UnexpectedResponse, ResponseAction::Unavailable, "not available for this page"),
        (Views, 404, &[], BARE, UnexpectedResponse, without_value, "not available for this page"),
        (Views, 404, &[], "<html></html>", UnexpectedResponse, suspect, "no such endpoint"),
        (Views, 403, &[], PLAN, InvalidPermissions, ResponseAction::Unavailable, "not available in the plan"),
        (Views, 403, EDGE, PLAN, InvalidPermissions, ResponseAction::Unavailable, "may not do this"),
        (States, 403, &[], PLAN, InvalidPermissions, ResponseAction::Unavailable, "give it the permission to view"),
        (Labels, 403, &[], PLAN, InvalidPermissions, suspect, "give it the permission to view"),
        (Views, 403, &[], CANNOT, InvalidCredentials, without_value, "does not know these credentials"),
        (States, 403, EDGE, NOT_PERMITTED, InvalidCredentials, without_value, "does not know these credentials"),
        (Versions, 403, EDGE, NOT_PERMITTED, InvalidCredentials, suspect, "does not know these credentials"),
        (Pages, 403, EDGE, NOT_PERMITTED, InvalidCredentials, FailRun, "does not know these credentials"),
        (Views, 403, &[], BLOCK_PAGE, InvalidPermissions, suspect, "blocks the request with a web page"),
        (Pages, 403, &[], BLOCK_PAGE, InvalidPermissions, FailRun, "blocks the request with a web page"),
        (Spaces, 403, &[], ADDRESS, InvalidPermissions, FailRun, "IP allowlist"),
        (Views, 403, &[], ADDRESS, InvalidPermissions, FailRun, "IP allowlist"),
        (Spaces, 403, &[], BEARER, InvalidCredentials, FailRun, "does not know these credentials"),
        (Spaces, 403, &[], "", InvalidPermissions, FailRun, "may not do this; give it"),
        (Spaces, 404, &[], SUSPENDED, InvalidCredentials, FailRun, "suspended or deactivated"),
        (Spaces, 503, &[], SUSPENDED, InvalidCredentials, FailRun, "suspended or deactivated"),
        (Pages, 400, &[], r#"{"message":"limit"}"#, UnexpectedResponse, Fail, "(\"limit\")"),
        (Pages, 400, &[], CURSOR, UnexpectedResponse, Fail, "rejects the request"),
        (Spaces, 402, &[], "", InvalidPermissions, FailRun, "subscription"),
        (Spaces, 407, &[], "", InvalidConfig, FailRun, "a proxy"),
        (Spaces, 425, &[], "", retry, Retry, "not ready"),
        (Labels, 451, &[], "", InvalidPermissions, Suspect(Resolution::Fail), "legal reasons"),
        (Labels, 202, &[], "{}", UnexpectedResponse, ResponseAction::RetryBody, "does not know (HTTP 202"),
        (Labels, 206, &[("Content-Range", "bytes 0-40/999")], "{}", UnexpectedResponse, ResponseAction::RetryBody, "does not know"),
        (Pages, 207, &[], r#"{"results":[]}"#, UnexpectedResponse, ResponseAction::RetryBody, "does not know"),
        (Pages, 302, &[("Location", "https://id.atlassian.com/login?continue=x")], "", InvalidCredentials, FailRun, "login in a browser"),
        (Pages, 302, &[("Location", "https://sso.example/login?continue=x")], "", UnexpectedResponse, FailRun, "a redirect to sso.example, which"),
        (Pages, 302, &[("Location", "/login?continue=x")], "", UnexpectedResponse, FailRun, "a redirect, which"),
        (Pages, 408, &[], r#"{"code":408,"message":"Request Timeout"}"#, retry, Retry, "timed out"),
        (Pages, 429, &[], r#"{"code":429,"message":"Rate limit exceeded"}"#, RateLimited, ResponseAction::RateLimited, "call again later"),
        (Pages, 500, &[], r#"{"errors":[{"status":500,"title":"Internal Server Error","detail":"oops"}]}"#, retry, Retry, "(\"Internal Server Error: oops\")"),
        (Pages, 503, &[], "<html>503</html>", retry, Retry, "call again later"),
        (Pages, 599, &[], "", retry, Retry, "the service failed; call again later"),
        (Views, 410, &[], r#"{"statusCode":410,"message":"This deprecated endpoint has been removed."}"#, UnexpectedResponse, Fail, "endpoint has been removed"),
        (Pages, 405, &[], r#"{"other":1}"#, UnexpectedResponse, ResponseAction::RetryBody, "does not know (HTTP 405"),
    ];
    let gateway = config(true, TOKEN);
    for &(endpoint, status, headers, body, kind, action, words) in cases {
        let Failure { error, action: found, .. } = failure(&gateway, endpoint, status, headers, body);
        let why = format!("{endpoint} {status} {body}: {error}");
        assert_eq!((error.kind, found), (kind, action), "{why}");
        assert!(error.message.contains(words), "{words:?} in {why}");
        assert!(error.message.ends_with(&format!("(HTTP {status} from {endpoint})")), "{why}");
        assert_eq!((error.endpoint, error.http_status), (Some(endpoint), Some(status)), "{why}");
        assert!(!error.message.contains("continue=x"), "no query: {why}");
    }
    // Only a request with a cursor can learn that its cursor is refused, whatever the words and with either status.
    for status in [400, 410] {
        let context = RequestContext { has_cursor: true, ..context(&gateway, Pages) };
        let failure = classify(context, &response(status, &[], "{}")).unwrap_err();
        assert_eq!(failure.action, RestartListing);
    }
}

#[test]
fn what_is_final_at_first_is_suspect_where_the_credentials_worked() {
    let gateway = config(true, TOKEN);
    let suspect = ResponseAction::Suspect(Resolution::FailRun);
    for (status, body, action, why) in [
        (401, "", suspect, "a token refused"),
        (
            401,
            SCOPE,
            ResponseAction::FailRun,
            "a scope does not come and go",
        ),
        (403, NOT_PERMITTED, suspect, "the words for a dead token"),
        (403, BLOCK_PAGE, suspect, "a box in between"),
        (403, ADDRESS, suspect, "an allowlist"),
        (404, BARE, suspect, "v2's answer to a dead token"),
        (404, "<html></html>", suspect, "no such interface"),
    ] {
        let context = RequestContext {
            authenticated: true,
            ..context(&gateway, Endpoint::Pages)
        };
        let failure = classify(context, &response(status, &[], body)).unwrap_err();
        assert_eq!(failure.action, action, "{why}");
    }
}

/// The credentials work where a probe says so: then only what was asked for fails, whoever refuses it.
#[test]
fn a_refusal_of_a_part_does_not_end_the_run() {
    let gateway = config(true, TOKEN);
    let login = [("location", "https://id.atlassian.com/login")];
    let captcha = [("X-Seraph-LoginReason", "AUTHENTICATION_DENIED")];
    let fails = ResponseAction::Suspect(Resolution::Fail);
    let ends = ResponseAction::Suspect(Resolution::FailRun);
    for (endpoint, status, headers, body, action) in [
        (Endpoint::Views, 302, &login[..], "", fails),
        (Endpoint::Labels, 403, &captcha, "", fails),
        (Endpoint::Versions, 401, &[], "", fails),
        (Endpoint::States, 403, &[], ADDRESS, fails),
        (Endpoint::Users, 302, &login, "", fails),
        (Endpoint::Users, 403, &[], BLOCK_PAGE, fails),
        (Endpoint::Users, 404, &[], "<html></html>", fails),
        (Endpoint::Users, 403, &[], PLAN, ends),
        (Endpoint::Pages, 302, &login, "", ends),
        (Endpoint::Spaces, 403, &captcha, "", ends),
    ] {
        let context = RequestContext {
            authenticated: true,
            ..context(&gateway, endpoint)
        };
        let failure = classify(context, &response(status, headers, body)).unwrap_err();
        assert_eq!(failure.action, action, "{endpoint} {status} {body}");
    }
}

#[test]
fn a_message_ends_with_the_facts() {
    let gateway = config(true, TOKEN);
    let context = RequestContext {
        page: Some(PageRef {
            id: "42",
            space_id: None,
        }),
        ..context(&gateway, Endpoint::Labels)
    };
    let response = response(500, &[("Atl-TraceId", "abc\u{7}123")], "");
    let message = classify(context, &response)
        .unwrap_err()
        .error
        .into_facts()
        .message;
    let facts = "(HTTP 500 from /wiki/api/v2/pages/{id}/labels, page 42, atl-traceid abc123)";
    assert!(message.ends_with(facts), "{message}");
    let message = transport_failure(context, &TransportError::Network("reset".into()));
    let facts = "(/wiki/api/v2/pages/{id}/labels, page 42)";
    assert!(message.error.message.ends_with(facts), "{message:?}");
}

#[test]
fn a_renamed_site_is_named_and_nothing_is_sent_there() {
    let site = config(false, TOKEN);
    let moved = |host: &str| {
        let location = format!("https://{host}/wiki/api/v2/spaces?secret=1");
        failure(&site, Endpoint::Spaces, 301, &[("location", &location)], "").error
    };
    for host in ["new.atlassian.net", "NEW.atlassian-us-gov-mod.net"] {
        let error = moved(host);
        assert_eq!(error.kind, Kind::InvalidConfig);
        let advice = format!("change base_url to https://{}", host.to_ascii_lowercase());
        assert!(error.message.contains(&advice), "{error}");
    }
    let location = [("location", "//new.atlassian.net/wiki/api/v2/spaces")];
    let error = failure(&site, Endpoint::Spaces, 301, &location, "").error;
    assert_eq!(error.kind, Kind::InvalidConfig, "{error}");
    assert_eq!(moved("site.atlassian.net").kind, Kind::UnexpectedResponse);
    assert_eq!(
        moved("atlassian.net.example").kind,
        Kind::UnexpectedResponse
    );
}

#[test]
fn a_body_that_cannot_be_used_is_retried_as_far_as_it_makes_sense() {
    let gateway = config(true, TOKEN);
    let first = context(&gateway, Endpoint::Pages);
    let suspended = body_failure(first, &response(200, &[], SUSPENDED), &BodyError::Html);
    assert!(suspended.error.message.contains("suspended or deactivated"));
    assert_eq!(suspended.action, ResponseAction::FailRun);
    let later = RequestContext {
        authenticated: true,
        ..first
    };
    for (context, cause, kind, action) in [
        (
            first,
            BodyError::Cut,
            Kind::Unavailable,
            ResponseAction::Retry,
        ),
        (
            first,
            BodyError::Empty,
            Kind::Unavailable,
            ResponseAction::Retry,
        ),
        (
            first,
            BodyError::Html,
            Kind::UnexpectedResponse,
            ResponseAction::Fail,
        ),
        (
            later,
            BodyError::Html,
            Kind::Unavailable,
            ResponseAction::Suspect(Resolution::FailRun),
        ),
        (
            first,
            BodyError::Malformed(1, 2),
            Kind::UnexpectedResponse,
            ResponseAction::RetryBody,
        ),
    ] {
        let failure = body_failure(context, &response(200, &[], ""), &cause);
        assert_eq!(
            (failure.error.kind, failure.action),
            (kind, action),
            "{cause}"
        );
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
            .contains("begin with ATATT3x, this one does not")
    );
}

#[test]
fn what_succeeds_is_no_failure() {
    let config = config(true, TOKEN);
    for status in [200, 203, 204] {
        let classified = classify(
            context(&config, Endpoint::Pages),
            &response(status, &[], "<html>"),
        );
        assert_eq!(classified, Ok(()), "{status}");
    }
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
        let failure = failure(&config(true, TOKEN), endpoint, status, &[], &body);
        let message = failure.error.into_facts().message;
        prop_assert!(message.chars().count() < 120 + 360, "{}", message);
        prop_assert!(!message.contains("secret"), "{}", message);
        prop_assert!(!message.chars().any(char::is_control), "{}", message);
    }
}
