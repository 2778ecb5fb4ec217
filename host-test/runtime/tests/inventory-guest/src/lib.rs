//! A connector of a made-up inventory service, as small as an honest one can be.
//!
//! It has what the Confluence connector has not: other names in its configuration, optional columns, floats,
//! unsigned 64-bit numbers, JSON values, a key of two columns, and columns called `order` and `group`.
//! `GET /v1/warehouses/{id}/stock` answers with a list of rows, as they are delivered.
#![cfg(target_family = "wasm")]

mod http;
mod registration;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::expect_used,
    clippy::panic
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package dx:inventory;
            world guest {
                import dx:connector/sink@0.2.0;
                export dx:connector/source@0.2.0;
            }
        ",
        path: "../../../../wit",
        world: "dx:inventory/guest",
        generate_all,
    });
}

use bindings::dx::connector::sink::{
    SinkError, begin_snapshot, checkpoint, emit, end_snapshot, note,
};
use bindings::dx::connector::types::{
    Access, Batch, EndpointAccess, Failure, FailureKind, Selection,
};
use bindings::exports::dx::connector::source::{Description, Guest, StreamInfo, Validation};
use serde_json::{Value, json};

struct Inventory;

bindings::export!(Inventory with_types_in bindings);

impl Guest for Inventory {
    fn describe() -> Description {
        registration::describe()
    }

    fn validate(config: String) -> Validation {
        let checked = Config::parse(&config).and_then(|config| config.rows("stock"));
        let access = match checked {
            Ok(_) => Access::Granted,
            Err(_) => Access::Denied,
        };
        Validation {
            error: checked.err(),
            endpoints: vec![EndpointAccess {
                endpoint: registration::endpoint("stock"),
                scope: "stock:read".to_owned(),
                access,
                detail: None,
            }],
            details: None,
        }
    }

    fn list_streams() -> Vec<StreamInfo> {
        registration::streams()
    }

    fn sync(
        config: String,
        streams: Vec<Selection>,
        state: Option<String>,
    ) -> Result<String, Failure> {
        let config = Config::parse(&config)?;
        let runs: u64 = match state {
            None => 0,
            Some(state) => state.parse().map_err(|_| {
                failure(
                    FailureKind::InvalidState,
                    "the state is not one of this connector",
                )
            })?,
        };
        let names: Vec<_> = streams
            .into_iter()
            .map(|selected| selected.stream)
            .collect();
        let mut rows = serde_json::Map::new();
        accepted(begin_snapshot(&names))?;
        for name in &names {
            let delivered = deliver(&config, name)?;
            rows.insert(name.clone(), delivered.into());
            accepted(end_snapshot(name, &[]))?;
        }
        accepted(checkpoint(&(runs + 1).to_string()))?;
        let requests = names.len();
        Ok(json!({ "rows": rows, "requests": requests, "waited_ms": 0 }).to_string())
    }
}

fn deliver(config: &Config, stream: &str) -> Result<usize, Failure> {
    let rows = config.rows(stream)?;
    for rows in rows.chunks(2) {
        accepted(emit(&Batch {
            stream: stream.to_owned(),
            replaces: Vec::new(),
            rows: rows.iter().map(Value::to_string).collect(),
        }))?;
    }
    note(&json!({ "type": "progress", "done": rows.len(), "total": rows.len() }).to_string());
    Ok(rows.len())
}

/// Where the service is, and with which key.
struct Config {
    server: String,
    key: Option<String>,
}

impl Config {
    fn parse(config: &str) -> Result<Self, Failure> {
        let config: Value = serde_json::from_str(config)
            .map_err(|_| failure(FailureKind::InvalidConfig, "the configuration is not JSON"))?;
        let field = |name: &str| config.get(name).unwrap_or(&Value::Null);
        let server = field("server").as_str();
        let server =
            server.ok_or_else(|| failure(FailureKind::InvalidConfig, "server is missing"))?;
        let key = match field("access_key") {
            Value::String(key) => Some(key.clone()),
            held if held.get("held_by_host") == Some(&Value::Bool(true)) => None,
            _ => return Err(failure(FailureKind::InvalidConfig, "access_key is missing")),
        };
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            key,
        })
    }

    fn rows(&self, stream: &str) -> Result<Vec<Value>, Failure> {
        let url = format!("{}/v1/warehouses/main/{stream}", self.server);
        let answer = http::get(&url, self.key.as_deref()).map_err(|why| {
            failure(
                FailureKind::Unavailable,
                &format!("{stream} cannot be read: {why}"),
            )
        })?;
        if answer.status == 401 {
            return Err(Failure {
                http_status: Some(401),
                ..failure(
                    FailureKind::InvalidCredentials,
                    "access_key is not accepted",
                )
            });
        }
        let rows = serde_json::from_slice(&answer.body);
        rows.map_err(|_| {
            failure(
                FailureKind::UnexpectedResponse,
                "the answer is not a list of rows",
            )
        })
    }
}

fn accepted(answer: Result<(), SinkError>) -> Result<(), Failure> {
    answer.map_err(|_| failure(FailureKind::Cancelled, "the sink refused a call"))
}

fn failure(kind: FailureKind, message: &str) -> Failure {
    Failure {
        kind,
        message: message.to_owned(),
        endpoint: None,
        http_status: None,
        retry_after_ms: None,
        details: None,
    }
}
