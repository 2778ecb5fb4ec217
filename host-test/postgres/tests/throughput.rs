//! Rows a second, beside SQLite: `cargo test -p connector-postgres --test throughput -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use connector_destinations::sqlite::{MaxDelete, Sqlite, SqliteOptions};
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::contract::Mode;
use connector_runtime::destination::{Batch, Destination};
use connector_runtime::stream::ColumnKind::{Boolean, Integer, Text, Timestamp};
use connector_runtime::stream::{Column, Stream};
use postgres_for_tests::Server;
use serde_json::{Value, json};

/// Versions of pages, in the shape and size of a documentation's history.
fn versions() -> Stream {
    let columns = [
        ("author_id", Text),
        ("created_at", Timestamp),
        ("message", Text),
        ("minor_edit", Boolean),
        ("number", Integer),
        ("page_id", Text),
    ];
    let columns = columns.map(|(name, kind)| Column {
        name: name.to_owned(),
        kind,
        required: false,
    });
    Stream {
        name: "page_versions".to_owned(),
        description: String::new(),
        primary_key: vec!["page_id".to_owned(), "number".to_owned()],
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: String::new(),
        scope: String::new(),
        columns: columns.into(),
        schema: json!({}),
    }
}

/// The versions of one page, which replace what was there.
fn batch(page: usize) -> Batch {
    let row = |number: usize| {
        let row = json!({
            "page_id": page.to_string(), "number": number, "author_id": format!("70121:author-{}", page % 739),
            "message": "Describe what the option does and when to use it", "minor_edit": false,
            "created_at": format!("2024-05-{:02}T10:00:{number:02}.123Z", 1 + page % 28),
        });
        serde_json::from_value(row).unwrap()
    };
    let key = json!({ "page_id": page.to_string() });
    Batch {
        stream: "page_versions".to_owned(),
        replaces: vec![serde_json::from_value::<serde_json::Map<String, Value>>(key).unwrap()],
        rows: (1..=10).map(row).collect(),
    }
}

/// Rows a second of a snapshot with a checkpoint every 250 pages.
fn measure(destination: &mut dyn Destination, batches: Vec<Batch>) -> f64 {
    let rows: usize = batches.iter().map(|batch| batch.rows.len()).sum();
    let begun = Instant::now();
    destination
        .begin_snapshot(&["page_versions".to_owned()])
        .unwrap();
    for (page, batch) in batches.into_iter().enumerate() {
        destination.write(batch).unwrap();
        if page % 250 == 249 {
            destination.checkpoint("state").unwrap();
        }
    }
    destination.end_snapshot("page_versions", &[]).unwrap();
    destination.checkpoint("state").unwrap();
    f64::from(u32::try_from(rows).unwrap()) / begun.elapsed().as_secs_f64()
}

#[test]
#[ignore = "a measurement"]
fn rows_a_second() {
    let Some(server) = Server::shared() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let batches = || (0..10_000).map(batch).collect::<Vec<_>>();
    let streams = [versions()];
    for round in 0..3 {
        let file = folder.path().join(format!("{round}.sqlite"));
        let mut sqlite = Sqlite::open(&file, "c", &streams, SqliteOptions::default()).unwrap();
        let options = PostgresOptions {
            schema: format!("round_{round}"),
            max_delete: MaxDelete::default(),
            fence: None,
        };
        let address = Address::parse(&server.url("postgres")).unwrap();
        let mut postgres = Postgres::open(&address, "c", &streams, options).unwrap();
        for pass in ["first", "again"] {
            let sqlite = measure(&mut sqlite, batches());
            let postgres = measure(&mut postgres, batches());
            println!(
                "{pass}: SQLite {sqlite:.0}, PostgreSQL {postgres:.0} rows a second, ratio {:.2}",
                postgres / sqlite
            );
        }
    }
}
