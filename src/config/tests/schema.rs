//! The schema says what the parser does: the same fields, the same limits, the same defaults.

use super::*;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Every field as (name within its object, the object's own name if it isn't the outermost, its schema).
fn fields() -> Vec<(String, Option<&'static str>, Value)> {
    let of = |schema: &Value, inside: Option<&'static str>| {
        let properties = schema["properties"].as_object().unwrap().clone();
        let field = move |(name, schema)| (name, inside, schema);
        properties.into_iter().map(field).collect::<Vec<_>>()
    };
    let schema = schema();
    let mut fields = of(&schema, None);
    fields.extend(of(&schema["properties"]["retry"], Some("retry")));
    fields
}

fn parse(name: &str, inside: Option<&str>, value: Value) -> Result<Config> {
    match inside {
        None => Config::parse(&with(name, value)),
        Some(outer) => Config::parse(&with(outer, json!({ name: value }))),
    }
}

#[test]
fn a_default_in_the_schema_is_the_parser_s_and_no_field_is_missing() {
    let minimal = json!({ "base_url": GATEWAY, "username": "a@b.c", "api_token": "ATATT3xx" });
    let config = Config::parse(&minimal.to_string()).unwrap();
    // Taken apart without `..`: who adds a field has to add it to the schema.
    let Config {
        base_url: _,
        credentials: _,
        token_looks_right: _,
        spaces: _,
        exclude_spaces: _,
        include_personal_spaces,
        max_concurrency,
        page_size,
        timeout,
        retry: Retry { attempts, patience },
        refresh_days,
        refresh_requests,
        skip_pages: _,
    } = config;
    let found = json!({
        "base_url": null,
        "username": null,
        "api_token": null,
        "authentication": "basic",
        "oauth": null,
        "spaces": null,
        "exclude_spaces": null,
        "include_personal_spaces": include_personal_spaces,
        "refresh_days": refresh_days,
        "refresh_requests": refresh_requests,
        "skip_pages": null,
        "max_concurrency": max_concurrency,
        "page_size": page_size,
        "timeout_s": timeout.as_secs(),
        "retry": null,
        "retry.attempts": attempts,
        "retry.patience_s": patience.as_secs(),
    });
    let said = fields().into_iter().map(|(name, inside, schema)| {
        let name = inside.map_or_else(|| name.clone(), |outer| format!("{outer}.{name}"));
        (name, schema.get("default").cloned().unwrap_or_default())
    });
    assert_eq!(Value::Object(said.collect()), found);
}

#[test]
fn limits_in_the_schema_are_the_parser_s() {
    let mut numbers = 0;
    for (name, inside, schema) in fields() {
        if schema["type"] != "integer" {
            continue;
        }
        let limit = |limit: &str| schema[limit].as_i64().unwrap();
        let (low, high) = (limit("minimum"), limit("maximum"));
        for (value, accepted) in [
            (low - 1, false),
            (low, true),
            (high, true),
            (high + 1, false),
        ] {
            let parsed = parse(&name, inside, json!(value));
            assert_eq!(parsed.is_ok(), accepted, "{name} {value}");
        }
        numbers += 1;
    }
    assert_eq!(numbers, 7, "every number has its limits");
}

#[test]
fn types_and_lengths_in_the_schema_are_the_parser_s() {
    for (name, inside, schema) in fields() {
        let wrong = if schema["type"] == "object" {
            json!(7)
        } else {
            json!({})
        };
        let message = parse(&name, inside, wrong)
            .unwrap_err()
            .into_facts()
            .message;
        assert!(!message.contains("is not a field"), "{message}");
        let shortest = [("minLength", json!("")), ("minItems", json!([]))];
        for (limit, value) in shortest {
            if schema.get(limit).is_some() {
                assert!(parse(&name, inside, value).is_err(), "{name} {limit}");
            }
        }
        let example = schema["examples"].get(0).cloned();
        if let Some(example) = example {
            assert!(
                parse(&name, inside, example).is_ok(),
                "the example of {name}"
            );
        }
    }
}

#[test]
fn what_the_schema_requires_or_refuses_the_parser_does() {
    let schema = schema();
    assert_eq!(schema["required"], json!(["base_url"]));
    assert!(Config::parse("{}").is_err());
    for (schema, inside) in [
        (&schema, None),
        (&schema["properties"]["retry"], Some("retry")),
    ] {
        assert_eq!(schema["additionalProperties"], false);
        assert!(parse("surely_unknown", inside, json!(1)).is_err());
    }
}

#[test]
fn forms_can_show_every_field_and_hide_the_secret() {
    let mut orders = Vec::new();
    for (name, inside, schema) in fields() {
        assert!(
            schema["title"].is_string() && schema["description"].is_string(),
            "{name}"
        );
        assert_eq!(schema.get("airbyte_secret").is_some(), name == "api_token");
        orders.push((inside, schema["order"].as_u64().unwrap()));
    }
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), fields().len(), "no two fields have one place");
}
