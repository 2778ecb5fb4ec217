//! What the connector says of itself.

use serde_json::{Value, json};

use crate::bindings::dx::connector::types::{Authentication, Mode, RequestPattern};
use crate::bindings::exports::dx::connector::source::{Description, StreamInfo};

pub(crate) fn describe() -> Description {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Inventory",
        "type": "object",
        "required": ["server"],
        "properties": {
            "server": {"type": "string", "title": "Server"},
            "access_key": {"type": "string", "title": "Access key", "writeOnly": true},
        },
    });
    Description {
        name: "inventory".to_owned(),
        version: "1.0.0".to_owned(),
        config_schema: schema.to_string(),
        base_url_field: "server".to_owned(),
        base_urls: vec!["https://{host}".to_owned()],
        requests: vec![RequestPattern {
            method: "GET".to_owned(),
            path: "/v1/warehouses/{id}/{listing}".to_owned(),
        }],
        authentication: vec![Authentication::Bearer("access_key".to_owned())],
        details: None,
    }
}

pub(crate) fn endpoint(stream: &str) -> String {
    format!("GET /v1/warehouses/{{id}}/{stream}")
}

pub(crate) fn streams() -> Vec<StreamInfo> {
    let stock = json!({
        "warehouse": {"type": "string"},
        "order": {"type": "integer"},
        "group": {"type": ["string", "null"]},
        "weight": {"type": ["number", "null"]},
        "serial": {"type": ["integer", "null"]},
        "sold": {"type": ["boolean", "null"]},
        "counted_at": {"type": ["string", "null"], "format": "date-time"},
        "extra": {"type": ["object", "array", "null"]},
    });
    let groups = json!({"name": {"type": "string"}, "select": {"type": ["string", "null"]}});
    vec![
        stream("stock", &["warehouse", "order"], &stock),
        stream("groups", &["name"], &groups),
    ]
}

fn stream(name: &str, key: &[&str], properties: &Value) -> StreamInfo {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": key,
        "properties": properties,
    });
    StreamInfo {
        name: name.to_owned(),
        description: format!("One row for each of the {name}"),
        primary_key: key.iter().map(|&column| column.to_owned()).collect(),
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: endpoint(name),
        scope: "stock:read".to_owned(),
        schema: schema.to_string(),
    }
}
