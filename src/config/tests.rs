//! What can be wrong with a configuration, and that all of it is said at once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod schema;

const GATEWAY: &str = "https://api.atlassian.com/ex/confluence/1a2b-3c";

fn with(field: &str, value: Value) -> String {
    let mut config = json!({ "base_url": GATEWAY, "username": "a@b.c", "api_token": "ATATT3xx" });
    if let Some(fields) = config.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    config.to_string()
}

#[test]
fn addresses_are_normalised() {
    for (text, expected, gateway) in [
        (GATEWAY, GATEWAY, true),
        (
            "https://api.atlassian.com/ex/confluence/1a2b-3c/",
            GATEWAY,
            true,
        ),
        (
            "https://api.atlassian.com/ex/confluence/1a2b-3c/wiki",
            GATEWAY,
            true,
        ),
        (
            "https://API.Atlassian.com:443/ex/confluence/1a2b-3c/wiki/",
            GATEWAY,
            true,
        ),
        ("https://x.atlassian.net", "https://x.atlassian.net", false),
        ("https://x.atlassian.net/", "https://x.atlassian.net", false),
        (
            "https://x.atlassian.net/wiki",
            "https://x.atlassian.net",
            false,
        ),
        (
            " https://x.atlassian.net/wiki/ ",
            "https://x.atlassian.net",
            false,
        ),
        (
            "https://wiki.example.com",
            "https://wiki.example.com",
            false,
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", false),
        ("http://localhost:80/wiki", "http://localhost", false),
        (
            "http://[::1]:9/ex/confluence/c",
            "http://[::1]:9/ex/confluence/c",
            true,
        ),
    ] {
        let config = Config::parse(&with("base_url", json!(text))).unwrap();
        assert_eq!(config.base_url.to_string(), expected, "{text}");
        assert_eq!(config.base_url.is_gateway(), gateway, "{text}");
    }
}

/// What follows a site or a cloud id in a browser's address bar, and what copying adds, is dropped.
#[test]
fn a_pasted_address_is_reduced_to_what_counts() {
    const SITE: &str = "https://x.atlassian.net";
    for (text, expected) in [
        ("x.atlassian.net", SITE),
        ("x.atlassian.net/wiki/spaces/DOCS/overview", SITE),
        ("https://x.atlassian.net?x=y", SITE),
        ("https://x.atlassian.net/#x", SITE),
        (
            "https://x.atlassian.net/wiki/spaces/X/pages/1/A+title?focusedCommentId=2",
            SITE,
        ),
        ("\thttps://x.atlassian.net//\n", SITE),
        (
            "https://api.atlassian.com/ex/confluence/1a2b-3c/wiki/api/v2/pages?limit=1",
            GATEWAY,
        ),
        (
            "https://api.atlassian.com/ex/confluence/1a2b-3c/a/b",
            GATEWAY,
        ),
        (
            "https://x.atlassian-us-gov-mod.net/wiki",
            "https://x.atlassian-us-gov-mod.net",
        ),
        (
            "https://x.atlassian-isolated.net/wiki",
            "https://x.atlassian-isolated.net",
        ),
    ] {
        let config = Config::parse(&with("base_url", json!(text))).unwrap();
        assert_eq!(config.base_url.to_string(), expected, "{text}");
    }
}

#[test]
fn other_addresses_are_refused_with_advice() {
    for (text, part) in [
        ("", "base_url is not the URL of a site"),
        ("ftp://x.atlassian.net", "base_url must begin with https://"),
        ("http://x.atlassian.net", "http is for loopback alone"),
        ("http://127.0.0.1.example.com", "http is for loopback alone"),
        ("http://localhost.example.com", "http is for loopback alone"),
        (
            "https://a:b@x.atlassian.net",
            "base_url must not hold credentials",
        ),
        ("https://api.atlassian.com", "base_url lacks the cloud id"),
        (
            "https://api.atlassian.com/ex/confluence/",
            "base_url lacks the cloud id",
        ),
        (
            "https://api.atlassian.com/ex/jira/1a2b",
            "base_url lacks the cloud id",
        ),
        (
            "https://api.atlassian.com/ex/confluence/..",
            "base_url lacks the cloud id",
        ),
        (
            "https://x.atlassian.net/ex/confluence/1a2b",
            "base_url mixes a site with the gateway's path",
        ),
        ("https://x y", "base_url is not the URL of a site"),
    ] {
        let error = Config::parse(&with("base_url", json!(text))).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidConfig, "{text}");
        assert!(error.message.contains(part), "{text}: {}", error.message);
    }
}

/// A host may sign the requests; without a word of that, a missing token is the user's to add.
#[test]
fn a_token_is_given_or_held_by_the_host() {
    let parse = |fields: Value| {
        let mut config = json!({ "base_url": GATEWAY, "username": "a@b.c" });
        config
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        Config::parse(&config.to_string())
    };
    for (fields, signs) in [
        (json!({ "api_token": "ATATT3xx" }), true),
        (json!({ "api_token": { "held_by_host": true } }), false),
        (
            json!({ "oauth": { "held_by_host": true }, "username": null }),
            false,
        ),
        (
            json!({ "authentication": "bearer", "username": null, "api_token": "x" }),
            true,
        ),
        (
            json!({ "authentication": "bearer", "api_token": { "held_by_host": true } }),
            false,
        ),
    ] {
        let config = parse(fields.clone()).unwrap();
        assert_eq!(config.credentials.is_some(), signs, "{fields}");
    }
    for fields in [
        json!({}),
        json!({ "api_token": null }),
        json!({ "api_token": { "held_by_host": false } }),
        json!({ "api_token": { "held_by_host": true, "x": 1 } }),
        json!({ "api_token": { "file": "token" } }),
        json!({ "authentication": "digest", "api_token": "x" }),
    ] {
        let message = parse(fields.clone()).unwrap_err().into_facts().message;
        let named = message.starts_with("api_token ") || message.starts_with("authentication ");
        assert!(named, "{fields}: {message}");
    }
    let bearer = parse(json!({ "authentication": "bearer", "api_token": "x" })).unwrap();
    assert_eq!(bearer.credentials.unwrap().expose(), "Bearer x");
}

#[test]
fn a_character_that_no_token_has_is_named_with_its_place() {
    for (token, part) in [
        ("ab\u{200b}c", "U+200B at place 3"),
        ("ab c", "U+0020 at place 3"),
        ("a\u{0}b", "U+0000 at place 2"),
        ("ä", "U+00E4 at place 1"),
    ] {
        let message = Config::parse(&with("api_token", json!(token)))
            .unwrap_err()
            .into_facts()
            .message;
        assert!(
            message.contains(part) && message.contains("api_token"),
            "{message}"
        );
    }
}

#[test]
fn every_field_is_checked() {
    let number = |low: u64, high: u64| format!("must be a whole number from {low} to {high}");
    for (field, value, part) in [
        ("base_url", json!(7), "base_url must be a text".to_owned()),
        ("base_url", json!(null), "base_url is missing".into()),
        ("username", json!(null), "username is missing".into()),
        ("username", json!(" "), "username is missing".into()),
        (
            "username",
            json!("a:b"),
            "username must be an e-mail address".into(),
        ),
        ("username", json!(["a"]), "username must be a text".into()),
        ("api_token", json!(""), "api_token is empty".into()),
        ("api_token", json!(1), "api_token must be a text, or".into()),
        ("spaces", json!([]), "spaces is empty: leave it out".into()),
        (
            "exclude_spaces",
            json!([]),
            "exclude_spaces is empty: leave it out".into(),
        ),
        (
            "include_personal_spaces",
            json!("no"),
            "include_personal_spaces must be true or false".into(),
        ),
        ("refresh_days", json!(366), number(0, 365)),
        ("refresh_requests", json!(0), number(1, 10_000_000)),
        (
            "skip_pages",
            json!(["x"]),
            "skip_pages must hold ids".into(),
        ),
        (
            "spaces",
            json!("X"),
            "spaces must be a list of texts".into(),
        ),
        (
            "spaces",
            json!(["X", 7]),
            "spaces must be a list of texts".into(),
        ),
        (
            "spaces",
            json!(["X", " "]),
            "spaces must be a list of texts".into(),
        ),
        ("max_concurrency", json!(0), number(1, 64)),
        ("max_concurrency", json!(65), number(1, 64)),
        ("max_concurrency", json!(1.5), number(1, 64)),
        ("max_concurrency", json!("8"), number(1, 64)),
        ("page_size", json!(0), number(1, 250)),
        ("page_size", json!(251), number(1, 250)),
        ("page_size", json!(-1), number(1, 250)),
        ("timeout_s", json!(0), number(1, 600)),
        ("timeout_s", json!(601), number(1, 600)),
        ("retry", json!(5), "retry must be an object".into()),
        (
            "retry",
            json!({"attempts": 21}),
            "retry.attempts must be".into(),
        ),
        (
            "retry",
            json!({"patience_s": 86_401}),
            "retry.patience_s must be".into(),
        ),
        (
            "retry",
            json!({"tries": 1}),
            "retry.tries is not a field".into(),
        ),
        (
            "api_key",
            json!("x"),
            "api_key is not a field of the configuration".into(),
        ),
        (
            "PAGE_SIZE",
            json!(5),
            "PAGE_SIZE is not a field of the configuration".into(),
        ),
    ] {
        let error = Config::parse(&with(field, value.clone())).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidConfig);
        assert!(
            error.message.contains(&part),
            "{field} {value}: {}",
            error.message
        );
        assert_eq!(
            error.message.matches("; retry.").count(),
            0,
            "one problem alone"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let error = Config::parse(
        r#"{"base_url":"http://x.example","api_token":"","page_size":0,"retry":{"attempts":-1,"x":1},"y":2}"#,
    )
    .unwrap_err();
    for part in [
        "base_url must",
        "api_token is",
        "username is",
        "page_size must",
        "retry.attempts must",
        "retry.x is not",
        "y is not",
    ] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
}

#[test]
fn what_is_no_object_is_refused_without_being_quoted() {
    for text in [
        "",
        "[]",
        "null",
        "\"secret\"",
        "{\"api_token\":\"secret\"",
        "secret",
        "{'secret':1}",
    ] {
        let error = Config::parse(text).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidConfig, "{text}");
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = Config::parse(&with("spaces", json!(["B", " A ", "B"]))).unwrap();
    assert_eq!(config.spaces, ["B", "A"]);
    assert_eq!((config.max_concurrency, config.page_size), (8, 250));
    assert_eq!(config.timeout, Duration::from_mins(1));
    let retry = Retry {
        attempts: 5,
        patience: Duration::from_mins(5),
    };
    assert_eq!(config.retry, retry);
    assert!(config.token_looks_right);
    assert_eq!((config.refresh_days, config.refresh_requests), (7, 20_000));
    assert!(config.include_personal_spaces);
    let held = with("api_token", json!({ "held_by_host": true }));
    assert_eq!(Config::parse(&held).unwrap().redact("text"), "text");
}

#[test]
fn nothing_shows_the_token() {
    let text = with("api_token", json!("ATATT3xverysecret"));
    let shown = format!("{:?}", Config::parse(&text).unwrap());
    assert!(!shown.contains("verysecret"), "{shown}");
    for field in ["page_size", "retry", "other"] {
        let mut wrong: Value = serde_json::from_str(&text).unwrap();
        if let Some(fields) = wrong.as_object_mut() {
            fields.insert(field.to_owned(), json!("wrong"));
        }
        let message = Config::parse(&wrong.to_string())
            .unwrap_err()
            .into_facts()
            .message;
        assert!(!message.contains("verysecret"), "{message}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
        "https?://[a-z:@./?#-]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(Value::from)
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,100}") {
        let _ = Config::parse(&text);
    }

    #[test]
    fn no_value_panics_and_what_is_accepted_is_within_bounds(
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["base_url", "username", "api_token", "spaces", "max_concurrency", "page_size", "timeout_s", "retry", "refresh_days", "skip_pages", "authentication", "oauth", "other"]),
            any_json(),
            0..6,
        ),
    ) {
        if let Ok(config) = Config::parse(&json!(fields).to_string()) {
            prop_assert!((1..=64).contains(&config.max_concurrency));
            prop_assert!((1..=250).contains(&config.page_size));
            prop_assert!(!config.base_url.to_string().ends_with('/'));
            let again = with("base_url", json!(config.base_url.to_string()));
            prop_assert_eq!(Config::parse(&again).unwrap().base_url, config.base_url);
        }
    }
}
