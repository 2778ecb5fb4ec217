#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn description() -> Description {
    Description {
        config_schema: json!({ "properties": {
            "base_url": { "type": "string" },
            "username": { "type": "string" },
            "api_token": { "type": "string", "writeOnly": true },
            "spaces": { "type": "array" },
            "oauth": { "properties": { "client_id": {}, "client_secret": { "writeOnly": true } } },
            "retry": { "properties": { "attempts": {} } },
        } }),
        secret_fields: vec!["api_token".to_owned(), "oauth".to_owned()],
        base_url_field: "base_url".to_owned(),
        ..Description::default()
    }
}

/// Checks a configuration with one more field than it needs.
fn checked(field: &str, value: Value) -> Result<Map<String, Value>> {
    let mut config = Map::new();
    config.insert("base_url".to_owned(), "https://example.com".into());
    config.insert(field.to_owned(), value);
    check(&description(), &mut config)?;
    Ok(config)
}

#[test]
fn what_is_known_is_accepted() {
    for (field, value) in [
        ("username", json!("me")),
        ("api_token", json!("hidden")),
        ("api_token", json!({ "file": "token" })),
        ("api_token", json!({ "env": "ACME_TOKEN" })),
        ("api_token", json!({ "held_by_host": true })),
        ("api_token", Value::Null),
        (
            "oauth",
            json!({ "client_id": "me", "client_secret": { "env": "SECRET" } }),
        ),
        ("retry", json!({ "attempts": 3 })),
        ("spaces", json!(["DOCS"])),
    ] {
        checked(field, value).unwrap();
    }
}

#[test]
fn what_may_be_a_secret_in_clear_is_refused_by_name_and_not_shown() {
    for (field, value, named) in [
        ("api_tokn", json!("hidden"), "api_tokn"),
        ("password", json!("hidden"), "password"),
        ("Api_Token", json!("hidden"), "Api_Token"),
        ("api_token", json!(["hidden"]), "api_token"),
        ("api_token", json!({ "encrypted": "hidden" }), "api_token"),
        (
            "api_token",
            json!({ "file": "a", "secret": "hidden" }),
            "api_token",
        ),
        ("api_token", json!({ "file": 5 }), "api_token"),
        ("api_token", json!({ "env": ["hidden"] }), "api_token"),
        (
            "api_token",
            json!({ "held_by_host": "hidden" }),
            "api_token",
        ),
        ("username", json!("hidden\0"), "username"),
        ("spaces", json!(["hidden\0"]), "spaces"),
        ("username", json!({ "password": "hidden" }), "username"),
        ("username", json!({ "env": "hidden" }), "username"),
        ("username", json!({ "file": "hidden" }), "username"),
        ("retry", json!({ "env": "hidden" }), "retry"),
        ("api_token", json!({ "env": "FLEET_KEY" }), "api_token"),
        ("api_token", json!({ "env": "PGPASSWORD" }), "api_token"),
        (
            "oauth",
            json!({ "client_secret": { "env": "DATABASE_URL" } }),
            "oauth.client_secret",
        ),
        ("spaces", json!([{ "password": "hidden" }]), "spaces"),
        (
            "oauth",
            json!({ "client_secrt": "hidden" }),
            "oauth.client_secrt",
        ),
        (
            "oauth",
            json!({ "client_secret": 4 }),
            "oauth.client_secret",
        ),
        ("retry", json!({ "password": "hidden" }), "retry.password"),
    ] {
        let error = checked(field, value).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        assert!(error.contains("nothing was stored"), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}

#[test]
fn a_base_url_is_one_without_a_user() {
    for url in [
        "http://us:hidden@host",
        "https://hidden@host/wiki",
        "HTTPS://us:hidden@host",
        "https://host\\us:hidden@host",
        "us:hidden@host",
        "http:us:hidden@host",
        "https:///us:hidden@host",
        "",
    ] {
        let error = checked("base_url", json!(url)).unwrap_err().to_string();
        assert!(
            error.contains("base_url") && !error.contains("hidden"),
            "{error}"
        );
    }
    for (url, kept) in [
        (" https://host/wiki?token=hidden#x ", "https://host/wiki"),
        ("https://host/~me@home", "https://host/~me@home"),
        ("site.atlassian.net/wiki", "https://site.atlassian.net/wiki"),
    ] {
        let config = checked("base_url", json!(url)).unwrap();
        assert_eq!(config.get("base_url"), Some(&json!(kept)));
    }
    assert!(check(&description(), &mut Map::new()).is_err());
}

#[test]
fn a_name_is_short_and_printable() {
    for name in ["acme", "Größe 7", "a"] {
        check_name(name).unwrap();
    }
    let long = "é".repeat(101);
    for name in ["", " ", "a\nb", "\u{1b}[31m", "a\0", &long] {
        assert!(check_name(name).is_err(), "{name:?}");
    }
}
