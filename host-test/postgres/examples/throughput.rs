//! Rows a second beside SQLite, in one run: `cargo run --package connector-postgres --example throughput`.
//!
//! The rows have the shape and the number of a documentation's history: 1,100 pages with their versions, labels, views
//! and states. The first pass fills empty tables; the second one delivers the same again, as each full run does. The
//! server writes through to the disk, as one in production does.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement for a person"
)]

use std::time::{Duration, Instant};

use connector_destinations::sqlite::{Sqlite, SqliteOptions};
use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::contract::Mode;
use connector_runtime::destination::{Batch, Destination, Row};
use connector_runtime::stream::ColumnKind::{Boolean, Integer, Text, Timestamp};
use connector_runtime::stream::{Column, ColumnKind, Stream};
use postgres_for_tests::{Durability, Server};
use serde_json::{Value, json};

/// Pages of the history, each of them a unit of replacement.
const PAGES: usize = 1_100;
/// Versions of a page.
const VERSIONS: usize = 11;
/// Pages between two checkpoints.
const CHECKPOINT: usize = 250;
/// How often both destinations are measured, in turns.
const ROUNDS: usize = 5;

fn main() -> anyhow::Result<()> {
    let Some(server) = Server::start_with(Durability::Full)? else {
        return Ok(());
    };
    let address = Address::parse(&server.url("postgres"))?;
    let folder = tempfile::tempdir()?;
    let streams = streams();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let file = folder.path().join(format!("{round}.sqlite"));
        let mut sqlite = Sqlite::open(&file, "c", &streams, SqliteOptions::default())?;
        let options = PostgresOptions::new(format!("round_{round}"));
        let mut postgres = Postgres::open(&address, "c", &streams, options)?;
        first.push(Pair::measure(&mut sqlite, &mut postgres)?);
        again.push(Pair::measure(&mut sqlite, &mut postgres)?);
    }
    for (name, pairs) in [("first", first), ("again", again)] {
        report(name, pairs);
    }
    Ok(())
}

/// How long both took for the same rows.
struct Pair {
    sqlite: Duration,
    postgres: Duration,
}

impl Pair {
    fn measure(
        sqlite: &mut dyn Destination,
        postgres: &mut dyn Destination,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            sqlite: snapshot(sqlite)?,
            postgres: snapshot(postgres)?,
        })
    }

    fn ratio(&self) -> f64 {
        self.sqlite.as_secs_f64() / self.postgres.as_secs_f64()
    }
}

/// Prints the round whose ratio is the median.
fn report(pass: &str, mut pairs: Vec<Pair>) {
    pairs.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
    let rows = history()
        .iter()
        .map(|batch| batch.rows.len())
        .sum::<usize>();
    let median = pairs.get(pairs.len() / 2);
    let a_second = |time: Duration| f64::from(u32::try_from(rows).unwrap()) / time.as_secs_f64();
    let Some(pair) = median else { return };
    println!(
        "{pass}: {rows} rows, SQLite {:.0} and PostgreSQL {:.0} rows a second, ratio {:.2}",
        a_second(pair.sqlite),
        a_second(pair.postgres),
        pair.ratio()
    );
}

/// Delivers the history as one snapshot.
fn snapshot(destination: &mut dyn Destination) -> anyhow::Result<Duration> {
    let names: Vec<_> = streams().into_iter().map(|stream| stream.name).collect();
    let batches = history();
    let begun = Instant::now();
    destination.begin_snapshot(&names)?;
    for (number, batch) in batches.into_iter().enumerate() {
        destination.write(batch)?;
        if number % (CHECKPOINT * names.len()) == CHECKPOINT * names.len() - 1 {
            destination.checkpoint(&format!("state {number}"))?;
        }
    }
    for name in names {
        destination.end_snapshot(&name, &[])?;
    }
    destination.checkpoint("end")?;
    Ok(begun.elapsed())
}

/// What a run delivers: for each page its row, and what belongs to it and replaces what was there.
fn history() -> Vec<Batch> {
    (0..PAGES).flat_map(page).collect()
}

fn page(number: usize) -> [Batch; 5] {
    let id = format!("{}", 10_000_000 + number * 37 % PAGES);
    let at = |day: usize| format!("2024-{:02}-{:02}T10:00:00.123Z", 1 + day % 12, 1 + day % 28);
    let row = json!({
        "source_id": id, "title": format!("How to set option {number}"), "status": "current", "space_id": "65538",
        "author_id": format!("70121:author-{}", number % 739), "source_url": format!("https://docs.example/wiki/{id}"),
        "created_at": at(number), "updated_at": at(number + 5), "version_number": VERSIONS,
    });
    let version = |version: usize| {
        json!({
            "page_id": id, "number": version, "author_id": format!("70121:author-{}", (number + version) % 739),
            "message": "Describe what the option does and when to use it", "minor_edit": false, "created_at": at(version),
        })
    };
    let label = |label: usize| json!({ "page_id": id, "source_id": label.to_string(), "name": format!("topic-{label}"), "prefix": "global" });
    [
        batch("pages", &id, vec![row]),
        batch("page_versions", &id, (1..=VERSIONS).map(version).collect()),
        batch("page_labels", &id, (0..3).map(label).collect()),
        batch(
            "page_views",
            &id,
            vec![json!({ "page_id": id, "views_count": number, "read_at": at(1) })],
        ),
        batch(
            "page_content_states",
            &id,
            vec![json!({ "page_id": id, "content_state_name": "draft", "updated_at": at(2) })],
        ),
    ]
}

fn batch(stream: &str, page: &str, rows: Vec<Value>) -> Batch {
    let row = |value| serde_json::from_value::<Row>(value).unwrap();
    let replaces = if stream == "pages" {
        Vec::new()
    } else {
        vec![row(json!({ "page_id": page }))]
    };
    Batch {
        stream: stream.to_owned(),
        replaces,
        rows: rows.into_iter().map(row).collect(),
    }
}

fn streams() -> Vec<Stream> {
    let text = |name| (name, Text);
    let time = |name| (name, Timestamp);
    let of_page = |name, columns: Vec<_>| stream(name, &["page_id"], columns);
    let pages = [
        "author_id",
        "source_id",
        "source_url",
        "space_id",
        "status",
        "title",
    ]
    .map(text);
    let pages = [
        &pages[..],
        &[
            time("created_at"),
            time("updated_at"),
            ("version_number", Integer),
        ],
    ]
    .concat();
    let versions = vec![
        text("author_id"),
        time("created_at"),
        text("message"),
        ("minor_edit", Boolean),
        ("number", Integer),
        text("page_id"),
    ];
    let labels = ["name", "page_id", "prefix", "source_id"]
        .map(text)
        .to_vec();
    vec![
        stream("pages", &["source_id"], pages),
        stream("page_versions", &["page_id", "number"], versions),
        stream("page_labels", &["page_id", "source_id"], labels),
        of_page(
            "page_views",
            vec![text("page_id"), time("read_at"), ("views_count", Integer)],
        ),
        of_page(
            "page_content_states",
            vec![
                text("content_state_name"),
                text("page_id"),
                time("updated_at"),
            ],
        ),
    ]
}

fn stream(name: &str, key: &[&str], columns: Vec<(&str, ColumnKind)>) -> Stream {
    let column = |(name, kind): (&str, ColumnKind)| Column {
        name: name.to_owned(),
        kind,
        required: false,
    };
    Stream {
        name: name.to_owned(),
        description: String::new(),
        primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: String::new(),
        scope: String::new(),
        columns: columns.into_iter().map(column).collect(),
        schema: json!({}),
    }
}
