//! What `validate` finds out, and with how few questions.

#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use serde_json::{Value, json};

use super::*;
use crate::error::Kind;
use crate::testing::{Simulation, small_site};

fn ask(simulation: &Simulation, config: Value) -> Validation {
    match Config::parse(&simulation.config(config)) {
        Ok(config) => simulation.run(validate(simulation, &config)),
        Err(error) => invalid_config(error),
    }
}

fn gateway(faults: &[&str]) -> Simulation {
    let simulation = Simulation::new(small_site(12, 61), 62);
    simulation.inject_faults(faults);
    simulation
}

fn found(validation: &Validation, endpoint: Endpoint) -> &EndpointAccess {
    let found = validation
        .endpoints
        .iter()
        .find(|found| found.endpoint == endpoint);
    found.expect("every endpoint is told of")
}

#[test]
fn a_good_configuration_takes_eight_questions() {
    for simulation in [gateway(&[]), gateway(&[]).at_site()] {
        let validation = ask(&simulation, json!({}));
        assert_eq!(validation.error, None);
        for endpoint in Endpoint::ALL {
            assert_eq!(
                found(&validation, endpoint).access,
                Access::Granted,
                "{endpoint}"
            );
        }
        let asked = simulation.sent();
        assert!(asked.len() <= 8, "{} questions", asked.len());
        assert!(
            asked.iter().all(|sent| sent.status == Some(200)),
            "{asked:?}"
        );
    }
}

#[test]
fn accounts_without_an_email_are_counted() {
    for (emails, words) in [
        ([Some("ann@example.com"), Some("bob@example.com")], None),
        (
            [Some("ann@example.com"), None],
            Some("1 of 2 accounts that were tried have no e-mail address"),
        ),
        ([Some(""), None], Some("2 of 2 accounts")),
    ] {
        let mut site = small_site(12, 61);
        let owners: Vec<_> = site
            .users
            .iter()
            .map(|user| user.account_id.clone())
            .collect();
        for page in &mut site.pages {
            page.author_id = Some(owners[0].clone());
            page.owner_id = Some(owners[1].clone());
            page.last_owner_id = None;
            for version in &mut page.versions {
                version.author_id = Some(owners[0].clone());
            }
        }
        for (user, email) in site.users.iter_mut().zip(emails) {
            user.email = email.map(str::to_owned);
        }
        let validation = ask(&Simulation::new(site, 62), json!({}));
        let detail = found(&validation, Endpoint::Users).detail.as_deref();
        match words {
            None => assert_eq!(detail, None),
            Some(words) => assert!(
                detail.is_some_and(|detail| detail.contains(words)),
                "{detail:?}"
            ),
        }
    }
}

#[test]
fn every_situation_has_its_error() {
    use Kind::{
        InvalidConfig, InvalidCredentials, InvalidPermissions, RateLimited, Unavailable,
        UnexpectedResponse,
    };
    for (faults, config, kind, words) in [
        (
            &["wrong-token"][..],
            json!({}),
            InvalidCredentials,
            "the token is wrong, expired or revoked",
        ),
        (
            &["no-spaces"],
            json!({}),
            InvalidPermissions,
            "sees no space at all",
        ),
        (
            &["ip-allow-list"],
            json!({}),
            InvalidPermissions,
            "IP allowlist",
        ),
        (
            &["public-site"],
            json!({}),
            InvalidCredentials,
            "public access",
        ),
        (
            &["missing-scope:scope=read:space:confluence"],
            json!({}),
            InvalidPermissions,
            "read:space:confluence",
        ),
        (
            &["missing-scope:scope=read:user:confluence"],
            json!({}),
            InvalidPermissions,
            "read:user:confluence",
        ),
        (
            &["gateway-401"],
            json!({}),
            InvalidCredentials,
            "the gateway refuses the token",
        ),
        (
            &["html-404"],
            json!({}),
            InvalidConfig,
            "base_url is not that of a Confluence Cloud site",
        ),
        (
            &["redirect"],
            json!({}),
            UnexpectedResponse,
            "a redirect to id.elsewhere.example",
        ),
        (
            &["html-200"],
            json!({}),
            UnexpectedResponse,
            "HTML instead of JSON",
        ),
        (&["503"], json!({}), Unavailable, "the service failed"),
        (
            &["hang"],
            json!({}),
            Unavailable,
            "no complete answer within",
        ),
        (
            &["rate-limit-long"],
            json!({}),
            RateLimited,
            "limits the rate",
        ),
        (
            &[],
            json!({ "spaces": ["TEAM0", "NOPE", "NEVER"] }),
            InvalidConfig,
            "don't exist or that this account can't see: NOPE, NEVER",
        ),
        (
            &[],
            json!({ "base_url": "https://api.atlassian.com/ex/jira/x" }),
            InvalidConfig,
            "lacks the cloud id",
        ),
        (
            &[],
            json!({ "page_size": 0 }),
            InvalidConfig,
            "page_size must be",
        ),
    ] {
        let simulation = gateway(faults);
        let error = ask(&simulation, config)
            .error
            .unwrap_or_else(|| panic!("{faults:?} is not noticed"));
        assert_eq!(error.kind, kind, "{faults:?}: {error}");
        assert!(error.message.contains(words), "{faults:?}: {error}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_costs_no_question() {
    let simulation = gateway(&[]);
    let validation = ask(&simulation, json!({ "page_size": 0 }));
    assert!(simulation.sent().is_empty());
    assert_eq!(validation.endpoints.len(), 7);
    assert!(
        validation
            .endpoints
            .iter()
            .all(|found| found.access == Access::Unchecked)
    );
}

#[test]
fn a_wrong_token_is_told_at_the_first_question() {
    for simulation in [
        gateway(&["wrong-token"]),
        gateway(&["wrong-token"]).at_site(),
    ] {
        let validation = ask(&simulation, json!({}));
        assert_eq!(simulation.sent().len(), 1);
        assert_eq!(found(&validation, Endpoint::Spaces).access, Access::Denied);
        assert_eq!(
            found(&validation, Endpoint::States).access,
            Access::Unchecked
        );
    }
}

#[test]
fn a_scoped_token_at_the_site_is_sent_to_the_gateway() {
    let simulation = gateway(&["scoped-on-site"]).at_site();
    let error = ask(&simulation, json!({})).error.unwrap();
    assert_eq!(error.kind, Kind::InvalidCredentials);
    assert!(
        error
            .message
            .contains("api.atlassian.com/ex/confluence/<cloud-id>"),
        "{error}"
    );
}

#[test]
fn another_cloud_id_is_told() {
    let simulation = gateway(&[]);
    let config = crate::config::Config::parse(&simulation.config(json!({}))).unwrap();
    // The simulation answers at the address that it knows: another cloud id gets what a wrong token gets.
    simulation.inject_faults(&["wrong-token"]);
    let validation = simulation.run(validate(&simulation, &config));
    assert!(
        validation
            .error
            .unwrap()
            .message
            .contains("the cloud id in base_url is of another site")
    );
}

#[test]
fn all_missing_scopes_are_named_at_once() {
    let simulation = gateway(&[
        "missing-scope:scope=read:user:confluence",
        "missing-scope:scope=read:confluence-content.summary",
    ]);
    let validation = ask(&simulation, json!({}));
    let error = validation.error.clone().unwrap();
    assert_eq!(
        (error.kind, error.http_status),
        (Kind::InvalidPermissions, Some(401))
    );
    for scope in ["read:user:confluence", "read:confluence-content.summary"] {
        assert!(error.message.contains(scope), "{scope}: {error}");
    }
    assert!(!error.message.contains("read:page:confluence"));
    for (endpoint, access) in [
        (Endpoint::Spaces, Access::Granted),
        (Endpoint::Labels, Access::Granted),
        (Endpoint::Users, Access::Denied),
        (Endpoint::Views, Access::Denied),
        (Endpoint::States, Access::Denied),
    ] {
        assert_eq!(found(&validation, endpoint).access, access, "{endpoint}");
    }
    let none = ask(&gateway(&["missing-scope"]), json!({})).error.unwrap();
    for endpoint in Endpoint::ALL {
        assert!(
            none.message.contains(endpoint.scope()),
            "{}: {none}",
            endpoint.scope()
        );
    }
}

#[test]
fn views_that_cannot_be_had_are_no_error() {
    for fault in ["views-refused", "views-missing"] {
        let validation = ask(&gateway(&[fault]), json!({}));
        assert_eq!(validation.error, None, "{fault}");
        let views = found(&validation, Endpoint::Views);
        assert_eq!(views.access, Access::Unavailable, "{fault}");
        assert!(
            views
                .detail
                .as_deref()
                .unwrap()
                .contains("views_count is null")
        );
    }
}

/// Scopes are looked at before anything else, so a page that doesn't exist serves as well.
#[test]
fn a_site_without_pages_can_be_validated() {
    let simulation = Simulation::new(small_site(0, 63), 64);
    let validation = ask(&simulation, json!({}));
    assert_eq!(validation.error, None);
    let granted = validation
        .endpoints
        .iter()
        .filter(|found| found.access == Access::Granted);
    assert_eq!(granted.count(), 7);
    assert!(simulation.sent().len() <= 8);
    simulation.inject_faults(&["missing-scope:scope=read:confluence-content.summary"]);
    let error = ask(&simulation, json!({})).error.unwrap();
    assert!(
        error.message.contains("read:confluence-content.summary"),
        "{error}"
    );
}

/// A token that sees the pages of an archived space alone sees something.
#[test]
fn archived_spaces_count_as_spaces() {
    let mut corpus = small_site(5, 65);
    for space in &mut corpus.spaces {
        space.status = "archived".to_owned();
    }
    let validation = ask(&Simulation::new(corpus, 66), json!({}));
    assert_eq!(validation.error, None);
}

#[test]
fn a_failure_that_passes_is_waited_for() {
    for fault in [
        "503:count=2",
        "rate-limit:count=1",
        "reset-before:count=1",
        "hang:count=1",
    ] {
        let validation = ask(&gateway(&[fault]), json!({}));
        assert_eq!(validation.error, None, "{fault}");
    }
}
