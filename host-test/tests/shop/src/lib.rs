//! An honest connector of another service, a shop: other field names, names that are words of SQL, a key of two
//! columns, columns that may be absent, floats, and unsigned numbers of 64 bits.
//!
//! `GET /events` answers with lines of JSON, each of which is a call of the sink, so that a test says what is delivered.
#![cfg(target_family = "wasm")]

mod http;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::expect_used,
    clippy::panic
)]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "connector", generate_all });
}

use bindings::dx::connector::sink::{self, SinkError};
use bindings::dx::connector::types::{
    Authentication, Batch, Description, Failure, FailureKind, Mode, RequestPattern, Selection,
    StreamInfo, Validation,
};
use bindings::exports::dx::connector::source::Guest;
use serde_json::Value;

const CONFIG_SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "shop": { "type": "string" },
    "api_key": { "type": "string", "writeOnly": true }
  },
  "required": ["shop"]
}"#;

const ORDER_SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "group": { "type": "string" },
    "number": { "type": "integer" },
    "order": { "type": ["integer", "null"] },
    "price": { "type": ["number", "null"] },
    "paid": { "type": ["boolean", "null"] },
    "placed_at": { "type": ["string", "null"], "format": "date-time" },
    "items": { "type": ["array", "null"] }
  },
  "required": ["group", "number"]
}"#;

struct Shop;

bindings::export!(Shop with_types_in bindings);

impl Guest for Shop {
    fn describe() -> Description {
        Description {
            name: "shop".to_owned(),
            version: "1.0.0".to_owned(),
            config_schema: CONFIG_SCHEMA.to_owned(),
            base_url_field: "shop".to_owned(),
            base_urls: vec!["https://{host}".to_owned()],
            requests: vec![RequestPattern {
                method: "GET".to_owned(),
                path: "/events".to_owned(),
            }],
            authentication: vec![Authentication::Bearer("api_key".to_owned())],
            details: Some(r#"{"documentation_url":"https://example.com/shop"}"#.to_owned()),
        }
    }

    fn validate(config: String) -> Validation {
        Validation {
            error: events(&config).err(),
            endpoints: Vec::new(),
            details: None,
        }
    }

    fn list_streams() -> Vec<StreamInfo> {
        vec![StreamInfo {
            name: "order".to_owned(),
            description: "Orders of the shop".to_owned(),
            primary_key: vec!["group".to_owned(), "number".to_owned()],
            cursor_field: Some("placed_at".to_owned()),
            modes: vec![Mode::Full, Mode::Incremental],
            endpoint: "GET /events".to_owned(),
            scope: "read:orders".to_owned(),
            schema: ORDER_SCHEMA.to_owned(),
        }]
    }

    fn sync(config: String, _: Vec<Selection>, state: Option<String>) -> Result<String, Failure> {
        for event in events(&config)?.lines() {
            let event: Value = serde_json::from_str(event).map_err(|error| other(&error))?;
            deliver(&event, state.as_deref()).map_err(|error| Failure {
                kind: FailureKind::Cancelled,
                ..other(&format!("{error:?}"))
            })?;
            if let Some(message) = event.get("fail") {
                return Err(other(message));
            }
            if let Some(summary) = event.get("summary") {
                return Ok(summary.to_string());
            }
        }
        Ok(r#"{"requests":1,"skipped":["none"]}"#.to_owned())
    }
}

/// Makes the call that an event stands for.
fn deliver(event: &Value, state: Option<&str>) -> Result<(), SinkError> {
    let stream = "order".to_owned();
    let list = |name: &str| {
        let values = event
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        values.map(Value::to_string).collect::<Vec<_>>()
    };
    match event.get("call").and_then(Value::as_str) {
        Some("begin_snapshot") => sink::begin_snapshot(&[stream]),
        Some("emit") => {
            let (replaces, rows) = (list("replaces"), list("rows"));
            sink::emit(&Batch {
                stream,
                replaces,
                rows,
            })
        }
        Some("checkpoint") => {
            let before = state.unwrap_or("none");
            sink::checkpoint(&format!("after {before}"))
        }
        Some("end_snapshot") => sink::end_snapshot(&stream, &list("except")),
        Some("note") => {
            sink::note(&event.get("note").unwrap_or(&Value::Null).to_string());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Asks the shop for its events.
fn events(config: &str) -> Result<String, Failure> {
    let config: Value = serde_json::from_str(config).map_err(|error| other(&error))?;
    let text = |field: &str| {
        config
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let authorization = match text("api_key") {
        "" => None,
        key => Some(format!("Bearer {key}")),
    };
    let answer = http::get(text("shop"), "/events", authorization.as_deref());
    let (status, body) = answer.map_err(|error| Failure {
        kind: FailureKind::Unavailable,
        ..other(&format!("{error:?}"))
    })?;
    if status == 200 {
        return Ok(body);
    }
    Err(Failure {
        kind: FailureKind::InvalidCredentials,
        http_status: Some(status),
        ..other(&format!("the shop answered {status}: {body}"))
    })
}

fn other(message: &impl ToString) -> Failure {
    Failure {
        kind: FailureKind::Other,
        message: message.to_string(),
        endpoint: None,
        http_status: None,
        retry_after_ms: None,
        details: None,
    }
}
