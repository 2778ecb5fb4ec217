//! A schema for each test, streams of a shop, and a second session that looks at the result.

use std::sync::atomic::{AtomicU32, Ordering};

use connector_destinations::sqlite::MaxDelete;
use connector_postgres::{Address, Fence, Postgres, PostgresOptions};
use connector_runtime::contract::Mode;
use connector_runtime::destination::{Batch, Destination as _, Row};
use connector_runtime::stream::{Column, ColumnKind, Stream};
use postgres_for_tests::Server;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// A schema that no other test uses.
pub(crate) struct Schema {
    pub(crate) server: &'static Server,
    pub(crate) name: String,
    runtime: Runtime,
    client: tokio_postgres::Client,
}

/// A schema of its own, or none where PostgreSQL is not installed.
pub(crate) fn schema() -> Option<Schema> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = Server::shared()?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(async {
        let url = server.url("postgres");
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    });
    Some(Schema {
        server,
        name: format!("Test \"{number}\""),
        runtime,
        client,
    })
}

impl Schema {
    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions::new(self.name.clone())
    }

    pub(crate) fn address(&self) -> Address {
        let url = self.server.url("postgres");
        Address::parse(&url)
            .unwrap()
            .with_application_name(&self.name)
    }

    /// A role of this test, whose name this is with the schema's number, and its address.
    pub(crate) fn role(&self, name: &str) -> (String, Address) {
        let number: String = self.name.chars().filter(char::is_ascii_digit).collect();
        let role = format!("{name}_{number}");
        self.admin(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'of the role'; GRANT CREATE ON DATABASE postgres TO {role}"
        ));
        let url = self.server.url("postgres");
        let (_, place) = url.split_once('@').unwrap();
        let url = format!("postgresql://{role}:of%20the%20role@{place}");
        (role, Address::parse(&url).unwrap())
    }

    /// Opens the schema as this role.
    pub(crate) fn open_as(&self, address: &Address) -> anyhow::Result<Postgres> {
        Postgres::open(address, "shop", &[orders()], self.options())
    }

    /// The name of the schema in a statement.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    /// Runs statements as the superuser, in no schema. Tests wait for each other: two grants of one database at once
    /// fail.
    pub(crate) fn admin(&self, sql: &str) {
        let sql = format!("SET search_path TO pg_catalog; SELECT pg_advisory_xact_lock(1); {sql}");
        self.runtime
            .block_on(self.client.batch_execute(&sql))
            .unwrap();
    }

    pub(crate) fn try_open(&self, connector: &str, streams: &[Stream]) -> anyhow::Result<Postgres> {
        Postgres::open(&self.address(), connector, streams, self.options())
    }

    /// Opens the schema with a view, whose statement has the schema's name as `{schema}`.
    pub(crate) fn open_with_view(&self, name: &str, select: &str) -> anyhow::Result<Postgres> {
        let options = PostgresOptions {
            views: vec![(name.to_owned(), select.replace("{schema}", &self.quoted()))],
            ..self.options()
        };
        Postgres::open(&self.address(), "shop", &[orders()], options)
    }

    pub(crate) fn open(&self) -> Postgres {
        self.try_open("shop", &[orders()]).unwrap()
    }

    pub(crate) fn open_with(&self, percent: u8, fence: Option<Fence>) -> Postgres {
        let max_delete = MaxDelete::percent(percent).unwrap();
        let options = PostgresOptions {
            max_delete,
            fence,
            ..self.options()
        };
        Postgres::open(&self.address(), "shop", &[orders()], options).unwrap()
    }

    /// Runs statements in the schema.
    pub(crate) fn run(&self, sql: &str) {
        let name = self.name.replace('"', "\"\"");
        let sql =
            format!("CREATE SCHEMA IF NOT EXISTS \"{name}\"; SET search_path TO \"{name}\"; {sql}");
        self.runtime
            .block_on(self.client.batch_execute(&sql))
            .unwrap();
    }

    /// The texts of the only column of a query.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.run("");
        let rows = self.runtime.block_on(self.client.query(sql, &[])).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The numbers of the orders that are there.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.run("");
        let sql = r#"SELECT "number" FROM "order" ORDER BY 1"#;
        let rows = self.runtime.block_on(self.client.query(sql, &[])).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// A stream of another service: odd names, a key of two columns, columns that may be absent.
pub(crate) fn orders() -> Stream {
    stream(
        "order",
        &["group", "number"],
        &[
            ("group", ColumnKind::Text),
            ("items", ColumnKind::Json),
            ("number", ColumnKind::Integer),
            ("paid", ColumnKind::Boolean),
            ("placed_at", ColumnKind::Timestamp),
            ("price", ColumnKind::Number),
        ],
    )
}

pub(crate) fn stream(name: &str, key: &[&str], columns: &[(&str, ColumnKind)]) -> Stream {
    let column = |(name, kind): &(&str, ColumnKind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
        required: key.contains(name),
    };
    Stream {
        name: name.to_owned(),
        description: String::new(),
        primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
        cursor_field: None,
        modes: vec![Mode::Full],
        endpoint: String::new(),
        scope: String::new(),
        columns: columns.iter().map(column).collect(),
        schema: json!({}),
    }
}

pub(crate) fn row(value: Value) -> Row {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn rows(stream: &str, rows: impl IntoIterator<Item = Value>) -> Batch {
    Batch {
        stream: stream.to_owned(),
        replaces: Vec::new(),
        rows: rows.into_iter().map(row).collect(),
    }
}

pub(crate) fn order(number: i64) -> Value {
    json!({ "group": "a", "number": number })
}

pub(crate) fn orders_of(numbers: std::ops::Range<i64>) -> Batch {
    rows("order", numbers.map(order))
}

pub(crate) fn names() -> Vec<String> {
    vec!["order".to_owned()]
}

/// Delivers these rows as a whole snapshot.
pub(crate) fn snapshot(postgres: &mut Postgres, batch: Batch, except: &[Row]) {
    postgres.begin_snapshot(&names()).unwrap();
    postgres.write(batch).unwrap();
    postgres.end_snapshot("order", except).unwrap();
    postgres.checkpoint("state").unwrap();
}
