//! Views, and the report's SQL.

use std::path::Path;

use connector_runtime::destination::{Batch, Destination as _};
use connector_runtime::stream::ColumnKind::{Boolean, Integer, Text, Timestamp};
use connector_runtime::stream::Stream;
use serde_json::json;

use crate::support::{orders_of, rows, schema, stream};

#[test]
fn views_follow_the_tables() {
    let Some(schema) = schema() else { return };
    for select in [
        r#"SELECT '1' AS n FROM {schema}."order""#,
        r#"SELECT '2' AS n FROM {schema}."order""#,
        r#"SELECT '3' AS other FROM {schema}."order""#,
    ] {
        schema.open_with_view("shop_orders", select).unwrap();
    }
    let mut postgres = schema.open();
    postgres.write(orders_of(0..1)).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(schema.texts("SELECT other FROM shop_orders"), ["3"]);
    let error = schema.open_with_view("order", "SELECT 1 AS x").unwrap_err();
    assert!(format!("{error:#}").contains("order"), "{error:#}");
}

/// What somebody else looks at is not replaced.
#[test]
fn a_view_of_another_program_is_refused() {
    let Some(schema) = schema() else { return };
    schema.run("CREATE VIEW shop_orders AS SELECT 'theirs' AS x");
    let open = || schema.open_with_view("shop_orders", "SELECT 1 AS n");
    let error = format!("{:#}", open().unwrap_err());
    assert!(
        error.contains("shop_orders was made by another program"),
        "{error}"
    );
    assert_eq!(schema.texts("SELECT x FROM shop_orders"), ["theirs"]);
    let tables = "SELECT relname::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                  WHERE nspname = current_schema() AND relkind = 'r'";
    assert!(
        schema.texts(tables).is_empty(),
        "nothing was made beside it"
    );
    schema.run("DROP VIEW shop_orders");
    open().unwrap();
}

/// The tables of the documentation that the report reads, with the columns that it reads.
fn documentation() -> Vec<Stream> {
    let pages = [
        ("author_id", Text),
        ("content_state_name", Text),
        ("created_at", Timestamp),
        ("owner_id", Text),
        ("source_id", Text),
        ("source_url", Text),
        ("space_id", Text),
        ("status", Text),
        ("title", Text),
        ("updated_at", Timestamp),
        ("views_count", Integer),
    ];
    let versions = [
        ("author_id", Text),
        ("created_at", Timestamp),
        ("minor_edit", Boolean),
        ("number", Integer),
        ("page_id", Text),
    ];
    let users = [
        ("account_status", Text),
        ("account_type", Text),
        ("email", Text),
        ("name", Text),
        ("source_id", Text),
    ];
    let spaces = [("name", Text), ("source_id", Text), ("source_url", Text)];
    let views = [
        ("page_id", Text),
        ("read_at", Timestamp),
        ("views_count", Integer),
    ];
    let labels = [("name", Text), ("page_id", Text), ("source_id", Text)];
    vec![
        stream("pages", &["source_id"], &pages),
        stream("page_versions", &["page_id", "number"], &versions),
        stream("users", &["source_id"], &users),
        stream("spaces", &["source_id"], &spaces),
        stream("page_views", &["page_id"], &views),
        stream("page_labels", &["page_id", "source_id"], &labels),
        // The other side of the recipe that joins people by e-mail.
        stream("people", &["email"], &[("email", Text), ("team", Text)]),
    ]
}

/// Four pages: one that is read and old, one that nobody reads, one that two people changed in a month, and one alone
/// in its space.
fn history() -> Vec<Batch> {
    let page = |id: &str, created: &str, updated: &str, views: u32| {
        json!({
            "source_id": id, "status": "current", "space_id": if id == "solo" { "alone" } else { "s" }, "author_id": "u", "owner_id": "gone",
            "title": id, "created_at": created, "updated_at": updated, "views_count": views,
            "source_url": "https://docs.example/1", "content_state_name": "draft",
        })
    };
    let version = |page: &str, number: u32, author: &str, at: &str| json!({ "page_id": page, "number": number, "author_id": author, "created_at": at });
    let user = |id: &str, status: &str| {
        json!({
            "source_id": id, "name": id, "email": "U@docs.example", "account_type": "atlassian", "account_status": status,
        })
    };
    vec![
        rows(
            "spaces",
            [
                json!({ "source_id": "s", "name": "Space" }),
                json!({ "source_id": "alone", "name": "One person's" }),
            ],
        ),
        rows(
            "pages",
            [
                page("read", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", 7),
                page("unread", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", 0),
                page("busy", "2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z", 1),
                page("solo", "2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z", 1),
            ],
        ),
        rows(
            "page_versions",
            [
                version("read", 1, "u", "2024-01-01T00:00:00Z"),
                version("solo", 1, "u", "2026-02-01T00:00:00Z"),
                version("busy", 1, "u", "2026-02-01T00:00:00Z"),
                version("busy", 2, "gone", "2026-02-03T00:00:00Z"),
            ],
        ),
        rows("users", [user("u", "active"), user("gone", "closed")]),
        rows(
            "page_views",
            [json!({ "page_id": "read", "views_count": 7, "read_at": "2026-02-03T00:00:00Z" })],
        ),
        rows(
            "people",
            [json!({ "email": "u@docs.example", "team": "writers" })],
        ),
    ]
}

/// Every SQL file of the report runs in PostgreSQL as it is, with dates in the place of its parameters, and each of
/// them finds something in the history.
#[test]
fn the_reports_sql_runs() {
    let Some(schema) = schema() else { return };
    let streams = documentation();
    let view = |stream: &Stream| {
        let name = &stream.name;
        (
            format!("confluence_{name}"),
            format!("SELECT * FROM {}.{name}", schema.quoted()),
        )
    };
    let views: Vec<_> = streams.iter().map(view).collect();
    let options = connector_postgres::PostgresOptions {
        views,
        ..schema.options()
    };
    let mut postgres =
        connector_postgres::Postgres::open(&schema.address(), "docs", &streams, options).unwrap();
    for batch in history() {
        postgres.write(batch).unwrap();
    }
    postgres.checkpoint("s").unwrap();

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/sql");
    let keep_views = std::fs::read_to_string(folder.join("recipes/keep_views.sql")).unwrap();
    schema.run(&keep_views);
    schema.run("UPDATE page_views SET views_count = 9, read_at = '2026-03-03T00:00:00Z'");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let queries: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "sql"))
        .collect();
    assert!(queries.len() >= 19, "the report's queries are there");
    for file in queries {
        let sql = std::fs::read_to_string(&file).unwrap();
        let sql = sql
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect::<Vec<_>>()
            .join("\n");
        let sql = sql
            .replace(":unit", "'month'")
            .replace(":since", "'2020-01-01'")
            .replace(":year_ago", "'2026-01-01'")
            .replace(":until", "'2027-01-01'");
        let rows = schema.texts(&format!(
            "SELECT row_to_json(answer)::text FROM ({sql}) AS answer"
        ));
        assert!(!rows.is_empty(), "{} finds nothing", file.display());
    }
}
