//! An honest connector of another service: what it delivers is what arrives, and who signs.

use std::sync::Arc;

use connector_runtime::CancellationToken;
use connector_runtime::connection::Signing;
use connector_runtime::contract::FailureKind;
use connector_runtime::destination::NullDestination;
use connector_runtime::json_view;
use connector_runtime::limits::Limits;
use connector_runtime::run::run;
use connector_runtime::runtime::SyncRequest;
use serde_json::{Value, json};

use crate::hostile_server::{HttpServer, Reply};
use crate::support::{Event, Tape, inventory, on_loopback, selection};

const KEY: &str = "key-of-the-warehouse";

fn stock() -> Value {
    json!([
        {"warehouse": "main", "order": 1, "group": "nuts", "weight": 0.1, "serial": u64::MAX, "sold": true,
         "counted_at": "2026-01-02T03:04:05Z", "extra": {"a": [1, null, "x\n"]}},
        {"warehouse": "main", "order": -2, "group": null, "weight": 1e-300},
        {"warehouse": "main", "order": 3, "weight": 123_456_789.123_456_78, "serial": 0, "extra": []},
    ])
}

/// Answers whoever has the key.
fn warehouse() -> HttpServer {
    HttpServer::start(Arc::new(|request| {
        if request.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return Reply::status(401);
        }
        match request.path() {
            "/v1/warehouses/main/stock" => Reply::json(&stock()),
            "/v1/warehouses/main/groups" => {
                Reply::json(&json!([{"name": "nuts", "select": "x' OR 1"}]))
            }
            _ => Reply::status(404),
        }
    }))
}

fn config(server: &HttpServer, key: &Value) -> String {
    json!({ "server": server.url, "access_key": key }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_delivers_is_what_arrives() {
    let server = warehouse();
    for signing in [Signing::Guest, Signing::Host] {
        let config = config(&server, &json!(KEY));
        let connection = inventory()
            .await
            .connect(&config, on_loopback(signing))
            .unwrap();
        let (tape, streams) = (Tape::default(), selection(&["stock", "groups"]));
        let request = SyncRequest {
            selection: &streams,
            ..SyncRequest::default()
        };
        let done = run(inventory().await, &connection, request, tape.clone())
            .await
            .unwrap();
        assert_eq!(
            done.summary["rows"],
            json!({"stock": 3, "groups": 1}),
            "{signing:?}"
        );
        assert_eq!(Value::Array(tape.rows("stock")), stock());
        assert_eq!(
            tape.rows("groups"),
            [json!({"name": "nuts", "select": "x' OR 1"})]
        );
        assert_eq!(
            tape.events().last(),
            Some(&Event::Checkpoint("1".to_owned()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_named_whoever_signs() {
    let server = warehouse();
    for (signing, key) in [
        (Signing::Guest, Value::Null),
        (Signing::Host, Value::Null),
        (Signing::Host, json!(" ")),
        (Signing::Guest, json!({"held_by_host": true})),
    ] {
        let runtime = inventory().await;
        let connected = runtime.connect(&config(&server, &key), on_loopback(signing));
        let failure = match connected {
            Err(failure) => failure,
            Ok(connection) => {
                let (limits, stop) = (Limits::default(), CancellationToken::new());
                let found = runtime.validate(&connection, limits, Box::new(NullDestination), &stop);
                found.await.unwrap().error.unwrap()
            }
        };
        assert_eq!(
            failure.kind,
            FailureKind::InvalidConfig,
            "{signing:?} {key}"
        );
        assert!(
            failure.message.contains("access_key is missing"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_and_streams_look_alike_for_any_connector() {
    let server = warehouse();
    let runtime = inventory().await;
    let connection = runtime
        .connect(
            &config(&server, &json!("another key of it")),
            on_loopback(Signing::Host),
        )
        .unwrap();
    let (limits, stop) = (Limits::default(), CancellationToken::new());
    let found = runtime
        .validate(&connection, limits, Box::new(NullDestination), &stop)
        .await;
    let view = json_view::validation(&found.unwrap());
    assert_eq!(view["valid"], false);
    assert_eq!(view["error"]["kind"], "invalid_credentials");
    assert_eq!(view["endpoints"][0]["access"], "denied");
    let stream = json_view::stream(&runtime.streams()[0]);
    assert_eq!(stream["primary_key"], json!(["warehouse", "order"]));
    assert_eq!(stream["modes"], json!(["full"]));
}
