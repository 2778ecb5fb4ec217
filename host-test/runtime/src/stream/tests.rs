//! What a connector may call its streams and columns.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn info(name: &str, key: &[&str], schema: &Value) -> types::StreamInfo {
    types::StreamInfo {
        name: name.to_owned(),
        description: "one row for each \u{1b}[31mthing".to_owned(),
        primary_key: key.iter().map(|&column| column.to_owned()).collect(),
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: "GET /things".to_owned(),
        scope: "read:thing".to_owned(),
        schema: schema.to_string(),
    }
}

fn things() -> Value {
    json!({
        "properties": {
            "order": {"type": "integer"}, "group": {"type": ["string", "null"]},
            "at": {"type": "string", "format": "date-time"}, "weight": {"type": "number"},
            "sold": {"type": "boolean"}, "extra": {"type": ["object", "string"]}, "any": {},
        },
        "required": ["order", "group"],
    })
}

#[test]
fn columns_have_a_kind_and_say_whether_they_are_required() {
    let stream = Stream::parse(info("things", &["order"], &things())).unwrap();
    let found: Vec<_> = stream
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.kind, column.required))
        .collect();
    assert_eq!(
        found,
        [
            ("any", ColumnKind::Json, false),
            ("at", ColumnKind::Timestamp, false),
            ("extra", ColumnKind::Json, false),
            ("group", ColumnKind::Text, false),
            ("order", ColumnKind::Integer, true),
            ("sold", ColumnKind::Boolean, false),
            ("weight", ColumnKind::Number, false),
        ]
    );
    assert_eq!(stream.column("order").unwrap().kind, ColumnKind::Integer);
    assert_eq!(stream.column("orders"), None);
    assert_eq!(stream.description, "one row for each \\u{1b}[31mthing");
}

#[test]
fn schemas_take_so_much_memory_together_and_no_more() {
    let mut schema = things();
    let description = "x".repeat(200 << 10).into();
    let members = schema.as_object_mut().unwrap();
    members.insert("description".to_owned(), description);
    let infos = |count: usize| {
        let names = (0..count).map(|number| format!("things{number}"));
        names.map(|name| info(&name, &["order"], &schema)).collect()
    };
    assert_eq!(Stream::parse_all(infos(4)).unwrap().len(), 4);
    let refused = Stream::parse_all(infos(6)).unwrap_err().to_string();
    assert!(refused.contains("more than 1 MiB together"), "{refused}");
}

#[test]
fn names_are_identifiers_and_keys_are_columns() {
    let sql = "x\" (a); ATTACH 'f' AS g; --";
    let long = "a".repeat(64);
    let with = |column: &str| json!({"properties": {"id": {"type": "string"}, column: {"type": "string"}}});
    for (stream, key, schema, words) in [
        (sql, "id", with("name"), "a name that does not match"),
        ("Things", "id", with("name"), "a name that does not match"),
        ("", "id", with("name"), "a name that does not match"),
        (&long, "id", with("name"), "a name that does not match"),
        (
            "things",
            "id",
            with(sql),
            "a column whose name does not match",
        ),
        (
            "things",
            "id",
            with("_name"),
            "a column whose name does not match",
        ),
        ("things", sql, with("name"), "a primary key"),
        ("things", "nothing", with("name"), "a primary key"),
        ("things", "id", json!({"properties": {}}), "no column"),
        ("things", "id", json!([]), "a schema without properties"),
        (
            "things",
            "id",
            json!({"properties": {"id": {}}, "required": ["x"]}),
            "requires a column",
        ),
    ] {
        let error = Stream::parse(info(stream, &[key], &schema)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = Stream::parse(info("things", &[], &things())).unwrap_err();
    assert!(error.to_string().contains("a primary key"), "{error}");
}

#[test]
fn there_are_bounds() {
    let twice = vec![info("things", &["order"], &things()); 2];
    let error = Stream::parse_all(twice).unwrap_err().to_string();
    assert!(error.ends_with("\"things\" is listed twice"), "{error}");
    let many = (0..=MAX_STREAMS).map(|number| info(&format!("s{number}"), &["order"], &things()));
    assert!(Stream::parse_all(many.collect()).is_err());
    let wide: serde_json::Map<_, _> = (0..=MAX_COLUMNS)
        .map(|number| (format!("c{number}"), json!({})))
        .collect();
    assert!(Stream::parse(info("wide", &["c0"], &json!({"properties": wide}))).is_err());
    let heavy = json!({"properties": {"id": {"description": "x".repeat(MAX_SCHEMA)}}});
    assert!(Stream::parse(info("heavy", &["id"], &heavy)).is_err());
}

#[test]
fn values_are_typed() {
    for (kind, good, bad) in [
        (ColumnKind::Text, json!("1"), json!(1)),
        (ColumnKind::Integer, json!(u64::MAX), json!(1.5)),
        (ColumnKind::Number, json!(1.5), json!("1.5")),
        (ColumnKind::Boolean, json!(true), json!(1)),
        (ColumnKind::Json, json!([1]), json!(null)),
    ] {
        assert!(kind.accepts(&good) && !kind.accepts(&bad), "{kind:?}");
    }
}
