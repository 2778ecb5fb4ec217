//! One request from its first try to what is left of it: waits, confirmation, and what is never sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines
)]

use std::cell::Cell;

use futures_util::future::join_all;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::config::Config;
use crate::endpoint::{Endpoint, PageRef};
use crate::error::{Error, Kind};
use crate::testing::{Answer, Event, Simulation, response, small_site};
use crate::wire::{BodyError, Value, decode, read};

const BARE: &str = r#"{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found"}]}"#;
const NAMED: &str = r#"{"errors":[{"status":404,"title":"Cannot find a page with id [7]"}]}"#;
const PLAN: &str = r#"{"statusCode":403,"message":"Not available in the plan of this site."}"#;

fn simulation() -> Simulation {
    Simulation::new(small_site(1, 1), 0)
}

fn config(simulation: &Simulation, other: Json) -> Config {
    Config::parse(&simulation.config(other)).unwrap()
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    response(status, headers, body).into()
}

fn plain(status: u16) -> Answer {
    answer(status, &[], "")
}

fn good() -> Answer {
    answer(200, &[], r#""good""#)
}

fn timeout() -> Answer {
    TransportError::Timeout(Duration::from_mins(1)).into()
}

fn reset() -> Answer {
    TransportError::Network("reset".into()).into()
}

fn text(response: &Response) -> Result<String, BodyError> {
    decode(&response.body, |json| {
        let value: Value<'_> = read(json)?;
        Ok(value.into_text().unwrap_or_default().into_owned())
    })
}

/// A request about page `id` in space `space_id`, where the endpoint is about pages.
fn request<'a>(endpoint: Endpoint, id: &'a str, space_id: &'a str) -> ApiRequest<'a> {
    let space_id = Some(space_id);
    match endpoint {
        _ if endpoint.is_per_page() => ApiRequest::about(endpoint, PageRef { id, space_id }),
        Endpoint::Users => ApiRequest {
            body: Some(b"{}".to_vec()),
            ..ApiRequest::new(endpoint)
        },
        _ => ApiRequest::new(endpoint),
    }
}

fn fetch(
    simulation: &Simulation,
    client: &Client<'_, Simulation>,
    endpoint: Endpoint,
) -> Result<String, RequestError> {
    simulation.run(client.fetch(&request(endpoint, "7", "1"), text))
}

/// How often an endpoint was asked.
fn asked(simulation: &Simulation, endpoint: Endpoint) -> usize {
    let sent = simulation.sent();
    sent.iter().filter(|sent| sent.endpoint == endpoint).count()
}

/// Milliseconds and reasons of the waits that the host was told of.
fn take_waits(simulation: &Simulation) -> Vec<(u64, String)> {
    let log = simulation.take_log();
    let notes = log.into_iter().filter_map(|(_, event)| match event {
        Event::Note(note) => serde_json::from_str::<Json>(&note).ok(),
        _ => None,
    });
    notes
        .map(|note| {
            let reason = note["reason"].as_str().unwrap().to_owned();
            (note["ms"].as_u64().unwrap(), reason)
        })
        .collect()
}

#[test]
fn what_passes_is_waited_for_and_the_host_is_told() {
    let simulation = simulation();
    let config = config(&simulation, json!({}));
    let client = Client::new(&simulation, &config);
    let answers = [plain(503), timeout(), reset(), plain(408), good()];
    simulation.script(Endpoint::Labels, answers);
    let began = client.now();
    let result = fetch(&simulation, &client, Endpoint::Labels);
    assert_eq!(result, Ok("good".to_owned()));
    assert_eq!(client.requests(), 5);
    assert_eq!(client.waited(), Duration::from_secs(2 + 4 + 8 + 16));
    let on_the_way = Duration::from_millis(5 * 20);
    assert_eq!(client.now().since(began), client.waited() + on_the_way);
    let expected = [
        (2_000, "HTTP 503"),
        (4_000, "no answer"),
        (8_000, "no answer"),
        (16_000, "HTTP 408"),
    ];
    let expected = expected.map(|(ms, reason)| (ms, reason.to_owned()));
    assert_eq!(take_waits(&simulation), expected);
}

#[test]
fn the_wait_is_the_one_that_the_service_requests() {
    let date = "Sun, 01 Feb 2026 10:00:00 GMT";
    for (status, headers, millis, reason) in [
        (429, &[("Retry-After", "7")][..], 7_000, "rate limit"),
        (503, &[("retry-after", "1")], 1_000, "HTTP 503"),
        (500, &[("Retry-After", "0")], 2_000, "HTTP 500"),
        (429, &[], 2_000, "rate limit"),
        // By the clock of the service, which is nine months behind ours.
        (
            429,
            &[
                ("Date", date),
                ("Retry-After", "Sun, 01 Feb 2026 10:00:09 GMT"),
            ],
            9_000,
            "rate limit",
        ),
        (
            429,
            &[("Date", date), ("X-RateLimit-Reset", "2026-02-01T10:01Z")],
            60_000,
            "rate limit",
        ),
    ] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        simulation.script(Endpoint::Labels, [answer(status, headers, ""), good()]);
        assert!(fetch(&simulation, &client, Endpoint::Labels).is_ok());
        let expected = [(millis, reason.to_owned())];
        assert_eq!(take_waits(&simulation), expected, "{status} {headers:?}");
    }
}

#[test]
fn a_wait_beyond_patience_is_not_begun_but_named() {
    let hour = Some(Duration::from_hours(1));
    for (status, kind) in [(429, Kind::RateLimited), (503, Kind::Unavailable)] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        let answers = [answer(status, &[("Retry-After", "3600")], "")];
        simulation.script(Endpoint::Pages, answers);
        let result = fetch(&simulation, &client, Endpoint::Pages);
        let Err(RequestError::Fatal(error)) = result else {
            panic!("{result:?}")
        };
        assert_eq!((error.kind, error.retry_after), (kind, hour));
        assert_eq!((client.requests(), client.waited()), (1, Duration::ZERO));
    }
}

#[test]
fn tries_end_with_the_budget() {
    for (retry, tries) in [
        (json!({ "attempts": 0 }), 1),
        (json!({ "attempts": 2 }), 3),
        (json!({}), 6),
        // 2 and 4 s; 8 more would be too long.
        (json!({ "attempts": 20, "patience_s": 10 }), 3),
    ] {
        let simulation = simulation();
        let config = config(&simulation, json!({ "retry": retry }));
        let client = Client::new(&simulation, &config);
        simulation.script(Endpoint::Labels, vec![plain(500); tries]);
        let result = fetch(&simulation, &client, Endpoint::Labels);
        let Err(RequestError::Failed(error)) = result else {
            panic!("{retry}: {result:?}")
        };
        assert_eq!(
            (error.kind, error.http_status),
            (Kind::Unavailable, Some(500))
        );
        assert_eq!(client.requests(), tries as u64, "{retry}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_asked_for_again() {
    let cut = || answer(200, &[], r#""goo"#);
    let other = || answer(200, &[("Atl-TraceId", "abc123")], "{secret}");
    for (answers, expected, why) in [
        (
            vec![cut(), plain(200), good()],
            Ok("good"),
            "cut, empty, good",
        ),
        (vec![other(), other(), good()], Ok("good"), "no JSON, twice"),
        (
            vec![other(); 3],
            Err("not understood: no JSON"),
            "no JSON for good",
        ),
        (vec![cut(); 6], Err("broke off"), "always cut"),
        (
            vec![plain(503), cut(), reset(), good()],
            Ok("good"),
            "one budget for all",
        ),
    ] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        simulation.script(Endpoint::Labels, answers);
        match (fetch(&simulation, &client, Endpoint::Labels), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected, "{why}"),
            (Err(RequestError::Failed(error)), Err(words)) => {
                assert!(error.message.contains(words), "{why}: {error}");
                assert!(!error.message.contains("secret"), "{why}: {error}");
            }
            (result, _) => panic!("{why}: {result:?}"),
        }
    }
}

/// Under load, refusals that are false come among failures that pass.
#[test]
fn a_refusal_is_doubted_whatever_failed_before_it() {
    let refused = || answer(404, &[], BARE);
    let unreadable = || answer(200, &[], "{secret}");
    let busy = || plain(503);
    for answers in [
        vec![busy(), busy(), busy(), refused(), good()],
        vec![busy(), busy(), unreadable(), unreadable(), good()],
        vec![refused(), refused(), refused(), unreadable(), good()],
    ] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        simulation.script(Endpoint::Views, answers);
        let result = fetch(&simulation, &client, Endpoint::Views);
        assert_eq!(result, Ok("good".to_owned()));
    }
}

/// What a request ends as: the variant of [`RequestError`].
fn ending(error: &RequestError) -> &'static str {
    match error {
        RequestError::PageGone => "page gone",
        RequestError::Unavailable(_) => "unavailable",
        RequestError::CursorRefused(_) => "cursor refused",
        RequestError::Failed(_) => "failed",
        RequestError::Fatal(_) => "fatal",
    }
}

#[test]
fn a_failure_that_stays_ends_the_row_the_request_or_the_run() {
    use Endpoint::{Labels, Pages, Spaces, States, Users, Versions, Views};
    let network = |error: fn(String) -> TransportError| Answer::from(error("why".to_owned()));
    // The endpoint, its answers, what they end as, and how often the credentials are confirmed meanwhile.
    for (endpoint, answers, expected, probes) in [
        (Versions, vec![answer(404, &[], NAMED)], "page gone", 1),
        (Labels, vec![answer(404, &[], BARE); 4], "page gone", 4),
        (Views, vec![answer(403, &[], PLAN)], "unavailable", 1),
        (States, vec![answer(404, &[], NAMED)], "unavailable", 1),
        (Views, vec![answer(404, &[], BARE); 4], "unavailable", 4),
        (Labels, vec![answer(403, &[], PLAN); 4], "failed", 4),
        (Versions, vec![plain(504); 6], "failed", 0),
        (Labels, vec![plain(400)], "failed", 0),
        (Users, vec![plain(400)], "failed", 0),
        (Labels, vec![TransportError::TooLarge.into()], "failed", 0),
        (
            States,
            vec![network(TransportError::Unreachable); 2],
            "failed",
            0,
        ),
        (
            Views,
            vec![network(TransportError::Unreadable); 3],
            "failed",
            0,
        ),
        (Labels, vec![network(TransportError::Denied)], "fatal", 0),
        (
            Labels,
            vec![network(TransportError::Certificate)],
            "fatal",
            0,
        ),
        (Labels, vec![plain(401)], "fatal", 0),
        (Spaces, vec![answer(403, &[], PLAN)], "fatal", 0),
        (Pages, vec![answer(404, &[], BARE)], "fatal", 0),
        (Pages, vec![plain(504); 6], "fatal", 0),
        (Spaces, vec![TransportError::TooLarge.into()], "fatal", 0),
    ] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        let why = format!("{endpoint}: {answers:?}");
        let tries = answers.len();
        simulation.script(endpoint, answers);
        let error = fetch(&simulation, &client, endpoint).unwrap_err();
        assert_eq!(ending(&error), expected, "{why}");
        assert_eq!(client.requests(), (tries + probes) as u64, "{why}");
        if probes > 0 {
            assert_eq!(asked(&simulation, Pages), probes, "{why}");
        }
    }
}

/// Once the service has answered, neither an address nor a token is taken for wrong at the first failure.
#[test]
fn what_worked_before_is_tried_again() {
    let login = answer(200, &[], "<html>log in</html>");
    let unreachable = TransportError::Unreachable("no route".into()).into();
    for (failure, count) in [(plain(401), 3), (login, 3), (unreachable, 5)] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        simulation.script(Endpoint::Spaces, [good()]);
        fetch(&simulation, &client, Endpoint::Spaces).unwrap();
        let answers = std::iter::repeat_n(failure, count).chain([good()]);
        simulation.script(Endpoint::Labels, answers);
        let result = fetch(&simulation, &client, Endpoint::Labels);
        assert_eq!(result, Ok("good".to_owned()));
    }
}

#[test]
fn after_a_token_died_nothing_more_is_sent() {
    let simulation = simulation();
    let config = config(&simulation, json!({}));
    let client = Client::new(&simulation, &config);
    simulation.script(Endpoint::Spaces, [good()]);
    fetch(&simulation, &client, Endpoint::Spaces).unwrap();
    simulation.script(Endpoint::Labels, [plain(401)]);
    // A minute of probes: false refusals last no longer.
    simulation.script(Endpoint::Pages, vec![plain(401); 6]);
    let first = fetch(&simulation, &client, Endpoint::Labels).unwrap_err();
    assert_eq!(client.waited(), Duration::from_mins(1));
    let sent = client.requests();
    for endpoint in [Endpoint::Views, Endpoint::Spaces, Endpoint::Users] {
        let later = fetch(&simulation, &client, endpoint).unwrap_err();
        assert_eq!(later, first);
    }
    assert_eq!(client.requests(), sent);
    assert_eq!(ending(&first), "fatal");
    assert_eq!(Error::from(first).kind, Kind::InvalidCredentials);
}

#[test]
fn one_probe_clears_all_that_failed_at_once() {
    let simulation = simulation();
    let config = config(&simulation, json!({}));
    let client = Client::new(&simulation, &config);
    let answers = [vec![answer(404, &[], BARE); 4], vec![good(); 4]].concat();
    simulation.script(Endpoint::Labels, answers);
    let ids = ["1", "2", "3", "4"];
    let requests = ids.map(|id| request(Endpoint::Labels, id, "1"));
    let all = join_all(requests.iter().map(|request| client.fetch(request, text)));
    let results = simulation.run(all);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(asked(&simulation, Endpoint::Pages), 1);
}

/// A site may refuse views by space: each is believed for itself, for five minutes.
#[test]
fn a_confirmed_refusal_costs_no_probe_a_page() {
    let simulation = simulation();
    let config = config(&simulation, json!({}));
    let client = Client::new(&simulation, &config);
    for (id, space, after, probes) in [
        ("1", "A", 0, 1),
        ("2", "A", 0, 1),
        ("3", "B", 0, 2),
        ("4", "A", 200, 2),
        ("5", "A", 301, 3),
    ] {
        simulation.advance(Duration::from_secs(after));
        simulation.script(Endpoint::Views, [answer(403, &[], PLAN)]);
        let request = request(Endpoint::Views, id, space);
        let error = simulation.run(client.fetch(&request, text)).unwrap_err();
        assert_eq!(ending(&error), "unavailable");
        assert_eq!(asked(&simulation, Endpoint::Pages), probes, "page {id}");
    }
}

/// The words of a passing fault are doubted in three spaces, unless the endpoint has answered once.
#[test]
fn an_endpoint_that_never_answers_is_not_doubted_for_ever() {
    for (answers_once, tries_in_the_end) in [(false, 1), (true, 4)] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        if answers_once {
            simulation.script(Endpoint::Views, [good()]);
            fetch(&simulation, &client, Endpoint::Views).unwrap();
        }
        for (space, tries) in [("A", 4), ("B", 4), ("C", 4), ("D", tries_in_the_end)] {
            simulation.script(Endpoint::Views, vec![answer(404, &[], BARE); tries]);
            let request = request(Endpoint::Views, "7", space);
            let error = simulation.run(client.fetch(&request, text)).unwrap_err();
            assert_eq!(ending(&error), "unavailable", "space {space}");
        }
    }
}

#[test]
fn who_takes_the_service_at_its_word_asks_no_more_than_transient_failures_need() {
    let simulation = simulation();
    let config = config(&simulation, json!({}));
    let client = Client::new(&simulation, &config);
    let labels = request(Endpoint::Labels, "7", "1");
    for (answers, succeeds) in [
        (vec![plain(503), good()], true),
        (vec![answer(404, &[], BARE)], false),
        (vec![answer(404, &[], NAMED)], false),
    ] {
        simulation.script(Endpoint::Labels, answers);
        let result = simulation.run(client.fetch_unconfirmed(&labels, text));
        assert_eq!(result.is_ok(), succeeds, "{result:?}");
    }
    assert_eq!(asked(&simulation, Endpoint::Labels), 2 + 1 + 1);
    assert_eq!(asked(&simulation, Endpoint::Pages), 0, "no probe");
}

#[test]
fn a_listing_that_does_not_come_is_asked_for_fewer_rows() {
    for (failures, limits) in [
        (
            vec![plain(504), plain(500), plain(502)],
            &[250, 125, 62, 31][..],
        ),
        (vec![plain(503), plain(503)], &[8, 5, 5]),
        (
            vec![timeout(), reset(), TransportError::TooLarge.into()],
            &[250, 125, 62, 31],
        ),
        (vec![plain(429), plain(408)], &[250, 250, 250]),
        (vec![plain(504)], &[3, 3]),
    ] {
        let simulation = simulation();
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        let limit = Cell::new(*limits.first().unwrap());
        let request = ApiRequest {
            query: "sort=id".to_owned(),
            limit: Some(&limit),
            ..ApiRequest::new(Endpoint::Spaces)
        };
        simulation.script(Endpoint::Spaces, failures.into_iter().chain([good()]));
        simulation.run(client.fetch(&request, text)).unwrap();
        let queries = simulation.sent().into_iter().map(|sent| sent.query);
        let expected = limits.iter().map(|limit| format!("sort=id&limit={limit}"));
        assert!(queries.eq(expected), "{limits:?}");
    }
}

/// A watermark is compared with times of the service: a wrong clock here must not move it, and neither must that of a
/// box in between, which answers with an error.
#[test]
fn a_run_begins_by_the_clock_of_the_service() {
    let simulation = simulation();
    let config = config(&simulation, json!({}));
    let dated = |date, status| answer(status, &[("Date", date)], r#""good""#);
    let client = Client::new(&simulation, &config);
    let answers = [
        reset(),
        dated("Sun, 01 Feb 2026 10:00:00 GMT", 503),
        dated("Sun, 01 Feb 2026 11:00:00 GMT", 200),
    ];
    simulation.script(Endpoint::Labels, answers);
    fetch(&simulation, &client, Endpoint::Labels).unwrap();
    let expected = Timestamp::parse("2026-02-01T11:00:00Z").unwrap();
    assert_eq!(client.started_at(), expected);

    let client = Client::new(&simulation, &config);
    let ahead = dated("Wed, 01 Jan 2031 00:00:00 GMT", 200);
    simulation.script(Endpoint::Labels, [ahead]);
    fetch(&simulation, &client, Endpoint::Labels).unwrap();
    let tomorrow = client.now().saturating_add(Duration::from_hours(24));
    assert_eq!(client.started_at(), tomorrow, "no clock is so far ahead");

    let client = Client::new(&simulation, &config);
    let before = client.now();
    simulation.script(Endpoint::Labels, [good()]);
    fetch(&simulation, &client, Endpoint::Labels).unwrap();
    simulation.advance(Duration::from_hours(1));
    let passed = client.started_at().since(before);
    assert_eq!(passed, Duration::from_millis(20), "without a date, ours");
}

#[test]
fn no_error_of_the_network_shows_the_credentials() {
    let errors: [fn(String) -> TransportError; 5] = [
        TransportError::Network,
        TransportError::Unreachable,
        TransportError::Unreadable,
        TransportError::Denied,
        TransportError::Certificate,
    ];
    for error in errors {
        let simulation = simulation();
        let config = config(&simulation, json!({ "retry": { "attempts": 0 } }));
        let token = simulation.site.borrow().access.token.clone();
        let header = config.credentials.as_ref().unwrap().expose().to_owned();
        let client = Client::new(&simulation, &config);
        let echo = format!("a proxy refused {header} ({token})");
        simulation.script(Endpoint::Pages, [error(echo)]);
        let error = fetch(&simulation, &client, Endpoint::Pages).unwrap_err();
        let shown = format!("{error:?} {config:?} {}", Error::from(error.clone()));
        let pair = header.trim_start_matches("Basic ");
        assert!(!shown.contains(&token) && !shown.contains(pair), "{shown}");
        assert!(shown.contains("a proxy refused"), "{shown}");
    }
}

#[test]
fn a_near_limit_slows_down_before_it_is_reached() {
    let simulation = simulation();
    let config = config(&simulation, json!({ "max_concurrency": 3 }));
    let client = Client::new(&simulation, &config);
    let near = answer(200, &[("X-RateLimit-NearLimit", "TRUE")], r#""good""#);
    for (answer, limit) in [
        (near.clone(), 2),
        (near.clone(), 1),
        (near, 1),
        (good(), 2),
        (good(), 2),
        (good(), 3),
    ] {
        simulation.script(Endpoint::Labels, [answer]);
        fetch(&simulation, &client, Endpoint::Labels).unwrap();
        assert_eq!(client.limiter.limit(), limit);
    }
}

#[test]
fn headers_have_names_in_any_case() {
    let response = response(200, &[("Link", "a"), ("LINK", "b"), ("Date", "c")], "");
    assert_eq!(response.headers.get("link"), Some("a"));
    assert!(response.headers.get_all("link").eq(["a", "b"]));
    assert_eq!(response.headers.get("lin"), None);
}

fn a_transient_failure() -> impl Strategy<Value = Answer> {
    let status = prop::sample::select(vec![408, 421, 425, 429, 500, 502, 503, 504, 599]);
    let wait = prop::option::of(0_u64..=40);
    let refusal = (status, wait).prop_map(|(status, wait)| {
        let wait = wait.map(|wait| wait.to_string());
        let wait = wait.as_deref().map(|wait| ("Retry-After", wait));
        answer(status, wait.as_slice(), "")
    });
    let cut = Just(answer(200, &[], "[1,"));
    prop_oneof![4 => refusal, 1 => Just(timeout()), 1 => Just(reset()), 1 => cut]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_passes_within_the_budget_costs_one_try_each(
        failures in prop::collection::vec(a_transient_failure(), 0..=5),
        seed in any::<u64>(),
    ) {
        let simulation = Simulation::new(small_site(1, 1), seed);
        let config = config(&simulation, json!({}));
        let client = Client::new(&simulation, &config);
        let tries = failures.len() as u64 + 1;
        simulation.script(Endpoint::Labels, failures.into_iter().chain([good()]));
        prop_assert_eq!(fetch(&simulation, &client, Endpoint::Labels), Ok("good".to_owned()));
        prop_assert_eq!(client.requests(), tries);
        prop_assert!(client.waited() <= config.retry.patience);
    }
}
