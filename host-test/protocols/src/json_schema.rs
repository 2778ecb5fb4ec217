//! JSON Schemas as the tools of Airbyte and Singer accept them: draft-07, and no required column that may be null.

use connector_runtime::description::Description;
use connector_runtime::stream::Stream;
use serde_json::{Value, json};

const DRAFT_07: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of a stream's rows.
pub(crate) fn of_rows(stream: &Stream) -> Value {
    let mut schema = stream.schema.clone();
    let required = stream.columns.iter().filter(|column| column.required);
    let required: Vec<_> = required.map(|column| column.name.as_str()).collect();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!(DRAFT_07));
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The schema of the configuration. The fields of the authentication that the connector prefers are required, unless
/// there are several ways to authenticate.
pub(crate) fn adapter_config(description: &Description) -> Value {
    use connector_runtime::description::Authentication::{Basic, Bearer};
    let mut schema = description.config_schema.clone();
    let credentials = match description.authentication.as_slice() {
        _ if description.oauth_client.is_some() => Vec::new(),
        [Basic { username, secret }] => vec![username, secret],
        [Bearer { secret }] => vec![secret],
        [Basic { secret, .. }, Bearer { secret: same }] if secret == same => vec![secret],
        _ => Vec::new(),
    };
    let Some(fields) = schema.as_object_mut() else {
        return schema;
    };
    fields.insert("$schema".to_owned(), json!(DRAFT_07));
    let required = fields.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        for field in credentials {
            if !required.iter().any(|known| known == field) {
                required.push(json!(field));
            }
        }
    }
    schema
}
