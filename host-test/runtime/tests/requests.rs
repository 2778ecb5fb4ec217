//! Where a request may go, how large it and its answer may be, how many at once, how long they are waited for.

use std::time::{Duration, Instant};

use connector_runtime::address::NetworkPolicy;
use connector_runtime::connection::{ConnectionOptions, Signing};
use connector_runtime::limits::{Exceeded, Limits};
use connector_runtime::request_permits::RequestPermits;
use serde_json::json;

use crate::server::Server;
use crate::support::{Tape, attacker, hostile, on_loopback, run_attack, said, stopped, tight};

fn patient() -> Limits {
    Limits {
        cpu: Duration::from_secs(10),
        response: 1 << 20,
        request: 64 << 10,
        in_flight: 8,
        ..tight()
    }
}

/// What the guest says of its attack, and what the host knows of it.
async fn attempt(words: &str, base_url: &str) -> (String, Option<Exceeded>) {
    let connection = attacker(words, base_url).await;
    let outcome = run_attack(&connection, patient(), &Tape::default()).await;
    let exceeded = outcome.as_ref().unwrap().exceeded;
    let said = said(outcome);
    // The host's explanation stands in brackets behind what the guest says.
    let said = said.split(" (").next().unwrap_or_default();
    (said.to_owned(), exceeded)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_goes_to_its_own_base_url_by_declared_requests_alone() {
    let (own, other) = (Server::start(), Server::start());
    let port = own.url.rsplit(':').next().unwrap();
    let elsewhere = "ErrorCode::HttpRequestDenied";
    let inside = "ErrorCode::DestinationIpProhibited";
    let at = |path: &str| format!("get {}/{path}", own.url);
    for (base_url, attack, code) in [
        (own.url.as_str(), format!("get {}/x", other.url), elsewhere),
        (
            &own.url,
            format!("get http://localhost:{port}/x"),
            elsewhere,
        ),
        (&own.url, format!("get http://[::1]:{port}/x"), elsewhere),
        (
            &own.url,
            format!("get https://127.0.0.1:{port}/x"),
            elsewhere,
        ),
        (
            &own.url,
            format!("get http://evil.example@127.0.0.1:{port}/x"),
            elsewhere,
        ),
        (
            &own.url,
            "get http://169.254.169.254/latest".into(),
            elsewhere,
        ),
        (&own.url, "get https://example.com/x".into(), elsewhere),
        (&own.url, at("declared/0/deeper"), elsewhere),
        (&own.url, at("declared/.."), elsewhere),
        (&own.url, at("declared%2f0/x"), elsewhere),
        (&own.url, at(""), elsewhere),
        (
            &own.url,
            format!("send DELETE {}/declared/0", own.url),
            elsewhere,
        ),
        (
            &own.url,
            format!("send TRACE {}/declared/0", own.url),
            elsewhere,
        ),
        (
            &own.url,
            format!("send CONNECT {}/declared/0", own.url),
            elsewhere,
        ),
        (
            &own.url,
            format!("send PURGE {}/declared/0", own.url),
            elsewhere,
        ),
        (
            "https://site.example.net",
            format!("get {}/x", own.url),
            elsewhere,
        ),
        (
            "http://169.254.169.254",
            "get http://169.254.169.254/latest".into(),
            inside,
        ),
        (
            "https://169.254.169.254",
            "get https://169.254.169.254/latest".into(),
            inside,
        ),
        ("https://10.0.0.1", "get https://10.0.0.1/x".into(), inside),
        (
            "https://[fd00::1]",
            "get https://[fd00::1]/x".into(),
            inside,
        ),
        (
            "https://[64:ff9b::a00:1]",
            "get https://[64:ff9b::a00:1]/x".into(),
            inside,
        ),
    ] {
        let found = attempt(&attack, base_url).await;
        assert_eq!(found, (code.to_owned(), Some(Exceeded::Egress)), "{attack}");
    }
    assert_eq!((own.connections(), other.connections()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_the_operators_to_allow() {
    let server = Server::start();
    let port = server.url.rsplit(':').next().unwrap();
    for url in [server.url.clone(), format!("http://localhost:{port}")] {
        let config = format!(r#"{{"url":"{url}","attack":"get {url}/declared/1"}}"#);
        let closed = ConnectionOptions {
            network: NetworkPolicy::default(),
            ..on_loopback(Signing::Guest)
        };
        let connection = hostile().await.connect(&config, closed).unwrap();
        let outcome = run_attack(&connection, patient(), &Tape::default()).await;
        let said = said(outcome);
        assert!(
            said.starts_with("ErrorCode::DestinationIpProhibited ("),
            "{said}"
        );
        assert!(
            said.contains("whoever operates this host can allow loopback"),
            "{said}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_handed_over_and_not_followed() {
    let (own, other) = (Server::start(), Server::start());
    let elsewhere = other.url.trim_start_matches("http://");
    let words = format!("get {}/redirect/{elsewhere}", own.url);
    let found = attempt(&words, &own.url).await;
    assert_eq!(found, ("302 with 0 bytes".to_owned(), None));
    assert_eq!((own.connections(), other.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn some_headers_are_the_hosts_and_there_may_be_many() {
    let (words, _) = attempt("set-header host example.com", "").await;
    assert_eq!(words, "the header host is refused: HeaderError::Forbidden");
    let error = stopped("fields", tight(), &Tape::default()).await;
    assert_eq!(
        error,
        "the component failed: total size of fields exceeds limit"
    );
    let server = Server::start();
    let found = attempt(&format!("get {}/headers/400", server.url), &server.url).await;
    assert_eq!(found, ("200 with 0 bytes".to_owned(), None));
    let (words, _) = attempt(&format!("get {}/headers/600", server.url), &server.url).await;
    assert!(words.starts_with("ErrorCode::"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_size() {
    let server = Server::start();
    let at = |path: &str| format!("get {}/{path}", server.url);
    for path in ["declared/1048576", "chunked/1048576"] {
        let found = attempt(&at(path), &server.url).await;
        assert_eq!(found, ("200 with 1048576 bytes".to_owned(), None), "{path}");
    }
    for path in ["declared/1048577", "chunked/9000000"] {
        let (words, exceeded) = attempt(&at(path), &server.url).await;
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
    let found = attempt(&post(64 << 10), &server.url).await;
    assert_eq!(found, ("200 with 0 bytes".to_owned(), None));
    let (words, exceeded) = attempt(&post(1 << 20), &server.url).await;
    assert_eq!(exceeded, Some(Exceeded::Request(64 << 10)), "{words}");
    assert!(
        words.starts_with("ErrorCode::HttpRequestBodySize"),
        "{words}"
    );
}

/// The first answer is read after the body is written, and its request is the only one that may be in flight.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_taken_before_its_request_may_be_sent() {
    let server = Server::start();
    let attack = format!("post-beside 65536 {}/chunked/200000", server.url);
    let config = json!({ "url": server.url, "attack": attack }).to_string();
    let options = ConnectionOptions {
        request_permits: Some(RequestPermits::new(1)),
        ..on_loopback(Signing::Guest)
    };
    let connection = hostile().await.connect(&config, options).unwrap();
    let outcome = run_attack(&connection, patient(), &Tape::default()).await;
    let words = "200000 bytes, 65536 written, 200 with 200000 bytes";
    assert_eq!(said(outcome), words);
}

/// What a guest does in vain is no work that its neighbours wait for.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_fails_ends_with_a_pause() {
    let closed = "http://127.0.0.1:9";
    let denied = "http://192.0.2.1/denied".to_owned();
    for url in [denied, format!("{closed}/declared/1")] {
        let begun = Instant::now();
        let (words, _) = attempt(&format!("again 100 {url}"), closed).await;
        assert!(words.starts_with("ErrorCode::"), "{url}: {words}");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(400), "{url}: {took:?}");
    }
}

/// Each has a task of the host's until the executor has seen that nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_given_up_are_paced() {
    let server = Server::start();
    let limits = Limits {
        wall: Duration::from_secs(1),
        ..patient()
    };
    for url in [
        format!("{}/silent", server.url),
        "http://192.0.2.1/denied".into(),
    ] {
        let connection = attacker(&format!("give-up {url}"), &server.url).await;
        let ended = run_attack(&connection, limits, &Tape::default()).await;
        assert!(ended.is_err());
        let sent = connection.sent_requests();
        assert!((10..1_000).contains(&sent), "{url}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_holds_is_bounded_before_it_is_sent() {
    for (bytes, taken) in [
        (50, "[true, true, true, true]"),
        (299, "[true, true, false, false]"),
        (9_000, "[false, true, false, false]"),
        (1_000_000, "[false, false, false, false]"),
    ] {
        let (words, _) = attempt(&format!("long-texts {bytes}"), "").await;
        assert_eq!(words, format!("authority, path, method, scheme: {taken}"));
    }
    // 17 chunks of 4 KiB of each of the first 16, and two of each of the others.
    let (words, _) = attempt("hoard-bodies 100", "").await;
    assert_eq!(words, "the host took 1760 KiB");
    let server = Server::start();
    let (words, _) = attempt(&format!("body-after 40 {}/", server.url), &server.url).await;
    assert_eq!(words, "the host took 68 KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_held_has_a_small_head() {
    let server = Server::start();
    let at = |bytes: usize| format!("hoard-answers 20 {}/head/{bytes}", server.url);
    let (words, _) = attempt(&at(30_000), &server.url).await;
    assert_eq!(words, "20 answers");
    let (words, _) = attempt(&at(40_000), &server.url).await;
    let too_large = "ErrorCode::HttpResponseHeaderSectionSize(Some(32768)) after 0";
    assert_eq!(words, too_large);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_at_once() {
    let server = Server::start();
    let found = attempt(&format!("at-once 20 {}/slow", server.url), &server.url).await;
    let words = "12 of 20 were refused: ErrorCode::ConnectionLimitReached";
    assert_eq!(found, (words.to_owned(), Some(Exceeded::InFlight(8))));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_not_waited_out() {
    let server = Server::start();
    for path in ["silent", "halting"] {
        let begun = Instant::now();
        let (words, _) = attempt(&format!("get {}/{path}", server.url), &server.url).await;
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
    let (one, two) = (
        attacker(&words, &server.url).await,
        attacker(&words, &server.url).await,
    );
    for (tenant, connections) in [(&one, 1), (&one, 1), (&two, 2), (&one, 2), (&two, 2)] {
        let outcome = run_attack(tenant, patient(), &Tape::default()).await;
        assert_eq!(said(outcome), "200 with 1 bytes");
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_breaks_costs_nothing() {
    let server = Server::start();
    let words = format!("again 5 {}/once", server.url);
    let found = attempt(&words, &server.url).await;
    assert_eq!(found, ("200 with 0 bytes".to_owned(), None));
    assert_eq!(server.connections(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_over_leaves_nothing_behind() {
    let server = Server::start();
    // Twice as many as the host would keep resources for.
    let words = format!("again 1000 {}/declared/1", server.url);
    let found = attempt(&words, &server.url).await;
    assert_eq!(found, ("200 with 1 bytes".to_owned(), None));
}
