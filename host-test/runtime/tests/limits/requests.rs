//! Where a request may go, how large it and its answer may be, how many at once, how long they are waited for.

use std::time::{Duration, Instant};

use connector_runtime::connection::Connection;
use connector_runtime::limits::{Exceeded, Limits};

use super::server::Server;
use super::{act, stopped, tight, told};
use crate::support::Tape;

fn connection(base_url: &str) -> Connection {
    Connection::new(&format!(r#"{{"base_url":"{base_url}"}}"#))
}

fn patient() -> Limits {
    Limits {
        cpu: Duration::from_secs(10),
        response: 1 << 20,
        request: 64 << 10,
        in_flight: 8,
        ..tight()
    }
}

/// What the guest says of its act, and what the host knows of it.
async fn met(words: &str, base_url: &str) -> (String, Option<Exceeded>) {
    let outcome = act(words, &connection(base_url), patient(), &Tape::default()).await;
    let exceeded = outcome.as_ref().unwrap().exceeded;
    (told(outcome), exceeded)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_goes_to_its_own_origin_alone() {
    let (own, other) = (Server::start(), Server::start());
    let port = own.url.rsplit(':').next().unwrap();
    let elsewhere = "ErrorCode::HttpRequestDenied";
    let inside = "ErrorCode::DestinationIpProhibited";
    for (base_url, url, code) in [
        (own.url.as_str(), other.url.clone(), elsewhere),
        (&own.url, format!("http://localhost:{port}/"), elsewhere),
        (&own.url, format!("http://[::1]:{port}/"), elsewhere),
        (&own.url, format!("https://127.0.0.1:{port}/"), elsewhere),
        (&own.url, "http://169.254.169.254/latest".into(), elsewhere),
        (&own.url, "https://example.com/".into(), elsewhere),
        ("https://site.atlassian.net", own.url.clone(), elsewhere),
        (
            "http://169.254.169.254",
            "http://169.254.169.254/latest".into(),
            inside,
        ),
        ("https://10.0.0.1", "https://10.0.0.1/".into(), inside),
        ("https://[fd00::1]", "https://[fd00::1]/".into(), inside),
    ] {
        let found = met(&format!("get {url}"), base_url).await;
        assert_eq!(found, (code.to_owned(), Some(Exceeded::Egress)), "{url}");
    }
    assert_eq!((own.connections(), other.connections()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_told_and_not_followed() {
    let (own, other) = (Server::start(), Server::start());
    let words = format!("get {}/redirect/{}", own.url, other.url);
    assert_eq!(
        met(&words, &own.url).await,
        ("302 with 0 bytes".to_owned(), None)
    );
    assert_eq!((own.connections(), other.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_header_is_the_hosts() {
    let nowhere = Connection::nowhere();
    let words = told(act("host example.com", &nowhere, tight(), &Tape::default()).await);
    assert_eq!(words, "the header host is refused: HeaderError::Forbidden");
    assert_eq!(
        stopped("fields", tight(), &Tape::default()).await,
        "the component failed: total size of fields exceeds limit"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_size() {
    let server = Server::start();
    let at = |path: &str| format!("get {}/{path}", server.url);
    for path in ["declared/1048576", "chunked/1048576"] {
        let found = met(&at(path), &server.url).await;
        assert_eq!(found, ("200 with 1048576 bytes".to_owned(), None), "{path}");
    }
    for path in ["declared/1048577", "chunked/9000000"] {
        let (words, exceeded) = met(&at(path), &server.url).await;
        assert_eq!(
            exceeded,
            Some(Exceeded::Response(1 << 20)),
            "{path}: {words}"
        );
        assert!(
            words.contains("HTTP response body size exceeds limit: 1048576"),
            "{path}: {words}"
        );
    }
    let post = |bytes: usize| format!("post {bytes} {}/declared/0", server.url);
    let found = met(&post(64 << 10), &server.url).await;
    assert_eq!(found, ("200 with 0 bytes".to_owned(), None));
    let (words, exceeded) = met(&post(1 << 20), &server.url).await;
    assert_eq!(exceeded, Some(Exceeded::Request(64 << 10)), "{words}");
    assert!(
        words.starts_with("ErrorCode::HttpRequestBodySize"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_at_once() {
    let server = Server::start();
    let found = met(&format!("at-once 20 {}/slow", server.url), &server.url).await;
    let words = "12 of 20 were refused: ErrorCode::ConnectionLimitReached";
    assert_eq!(found, (words.to_owned(), Some(Exceeded::InFlight(8))));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_not_waited_out() {
    let server = Server::start();
    for path in ["silent", "halting"] {
        let begun = Instant::now();
        let (words, _) = met(&format!("get {}/{path}", server.url), &server.url).await;
        assert!(
            words.contains("connection read timeout") || words.contains("ConnectionReadTimeout"),
            "{path}: {words}"
        );
        // The guest allows a second for each.
        let took = begun.elapsed();
        assert!(
            (Duration::from_millis(900)..Duration::from_secs(8)).contains(&took),
            "{path}: {took:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_shared_by_the_calls_of_one_tenant_only() {
    let server = Server::start();
    let words = format!("get {}/declared/1", server.url);
    let (one, two) = (connection(&server.url), connection(&server.url));
    for (tenant, connections) in [(&one, 1), (&one, 1), (&two, 2), (&one, 2), (&two, 2)] {
        let outcome = act(&words, tenant, patient(), &Tape::default()).await;
        assert_eq!(told(outcome), "200 with 1 bytes");
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_over_leaves_nothing_behind() {
    let server = Server::start();
    // Twice as many as the host would keep things for.
    let words = format!("again 1000 {}/declared/1", server.url);
    assert_eq!(
        met(&words, &server.url).await,
        ("200 with 1 bytes".to_owned(), None)
    );
}
