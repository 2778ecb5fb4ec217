//! Views, and the report's SQL.

use std::path::Path;

use connector_runtime::destination::Destination as _;
use connector_runtime::stream::ColumnKind::{Boolean, Integer, Text, Timestamp};
use serde_json::json;

use crate::support::{orders_of, row, rows, schema, stream};

#[test]
fn views_follow_the_tables() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    for select in [
        r#"SELECT '1' AS n FROM "order""#,
        r#"SELECT '2' AS n FROM "order""#,
        r#"SELECT '3' AS other FROM "order""#,
    ] {
        postgres
            .create_views(&[("shop_orders", select.to_owned())])
            .unwrap();
    }
    postgres.write(orders_of(0..1)).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(schema.texts("SELECT other FROM shop_orders"), ["3"]);
    let error = postgres
        .create_views(&[("order", "SELECT 1 AS x".to_owned())])
        .unwrap_err();
    assert!(error.to_string().contains("order"), "{error:#}");
}

/// Every SQL file of the report runs in PostgreSQL as it is, with timestamps in the place of its parameters.
#[test]
fn the_reports_sql_runs() {
    let Some(schema) = schema() else { return };
    let pages = stream(
        "pages",
        &["source_id"],
        &[
            ("author_id", Text),
            ("created_at", Timestamp),
            ("owner_id", Text),
            ("source_id", Text),
            ("source_url", Text),
            ("space_id", Text),
            ("status", Text),
            ("title", Text),
            ("updated_at", Timestamp),
            ("views_count", Integer),
        ],
    );
    let versions = stream(
        "page_versions",
        &["page_id", "number"],
        &[
            ("author_id", Text),
            ("created_at", Timestamp),
            ("minor_edit", Boolean),
            ("number", Integer),
            ("page_id", Text),
        ],
    );
    let named = |name| {
        stream(
            name,
            &["source_id"],
            &[("name", Text), ("source_id", Text), ("source_url", Text)],
        )
    };
    let streams = [pages, versions, named("spaces"), named("users")];
    let mut postgres = schema.try_open("docs", &streams).unwrap();
    let views = streams.each_ref().map(|stream| {
        (
            format!("confluence_{}", stream.name),
            format!("SELECT * FROM {}", stream.name),
        )
    });
    let views = views
        .each_ref()
        .map(|(name, select)| (name.as_str(), select.clone()));
    postgres.create_views(&views).unwrap();
    let page = json!({
        "source_id": "1", "status": "current", "space_id": "1", "author_id": "u", "owner_id": "u", "title": "t",
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z", "views_count": 7,
    });
    postgres.write(rows("pages", [page])).unwrap();
    let version = json!({ "page_id": "1", "number": 1, "author_id": "u", "created_at": "2026-02-03T00:00:00Z" });
    postgres.write(rows("page_versions", [version])).unwrap();
    let mut batch = rows("users", []);
    batch
        .rows
        .push(row(json!({ "source_id": "u", "name": "n" })));
    postgres.write(batch).unwrap();
    postgres.checkpoint("s").unwrap();

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/src");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let queries: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "sql"))
        .collect();
    assert!(queries.len() >= 5, "the report's queries are there");
    for file in queries {
        let sql = std::fs::read_to_string(&file).unwrap();
        let sql = sql
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect::<Vec<_>>()
            .join("\n");
        let sql = sql
            .replace(":unit", "'month'")
            .replace(":since", "TIMESTAMPTZ '2020-01-01 00:00Z'")
            .replace(":year_ago", "TIMESTAMPTZ '2026-01-01 00:00Z'")
            .replace(":until", "TIMESTAMPTZ '2027-01-01 00:00Z'");
        let rows = schema.texts(&format!(
            "SELECT row_to_json(answer)::text FROM ({sql}) AS answer"
        ));
        assert_eq!(rows.len(), 1, "{}: {rows:?}", file.display());
    }
}
