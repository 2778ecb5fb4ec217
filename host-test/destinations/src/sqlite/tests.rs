#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use connector_runtime::destination::{Batch, Destination as _, Row};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::testing::{orders, row, rows, stream};

struct File {
    _folder: TempDir,
    path: PathBuf,
}

fn file() -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.sqlite");
    File {
        _folder: folder,
        path,
    }
}

impl File {
    fn try_open(&self, connector: &str, streams: &[Stream]) -> Result<Sqlite> {
        Sqlite::open(&self.path, connector, streams, SqliteOptions::default())
    }

    fn open(&self) -> Sqlite {
        self.try_open("shop", &[orders()]).unwrap()
    }

    fn open_with(&self, max_delete: u8) -> Sqlite {
        let options = SqliteOptions {
            max_delete: MaxDelete::percent(max_delete).unwrap(),
            ..SqliteOptions::default()
        };
        Sqlite::open(&self.path, "shop", &[orders()], options).unwrap()
    }

    fn query<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let database = Connection::open(&self.path).unwrap();
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn numbers(&self) -> Vec<i64> {
        self.query(r#"SELECT "number" FROM "order" ORDER BY 1"#)
    }

    fn run(&self, sql: &str) {
        let database = Connection::open(&self.path).unwrap();
        database.execute_batch(sql).unwrap();
    }
}

#[test]
fn a_state_is_not_used_once_a_table_that_it_covers_is_gone() {
    let file = file();
    let mut sqlite = file.open();
    sqlite.begin_snapshot(&["order".to_owned()]).unwrap();
    sqlite.write(orders_of(0..3)).unwrap();
    sqlite.checkpoint("state").unwrap();
    drop(sqlite);
    file.run(r#"DROP TABLE "order""#);
    for _ in 0..2 {
        let error = file.try_open("shop", &[orders()]).unwrap_err();
        assert!(error.is::<crate::lost_table::LostTable>(), "{error:#}");
        let error = format!("{error:#}");
        let advice = "DELETE FROM _state WHERE connector = 'shop'";
        assert!(
            error.contains("table order is gone") && error.contains(advice),
            "{error}"
        );
    }
    file.run("DELETE FROM _state WHERE connector = 'shop'");
    assert_eq!(file.open().state().unwrap(), None);
}

fn order(number: usize) -> Value {
    json!({ "group": "a", "number": number })
}

fn orders_of(numbers: std::ops::Range<usize>) -> Batch {
    rows("order", numbers.map(order))
}

fn names() -> Vec<String> {
    vec!["order".to_owned()]
}

/// Delivers these rows as a whole snapshot.
fn snapshot(sqlite: &mut Sqlite, batch: Batch, except: &[Row]) {
    sqlite.begin_snapshot(&names()).unwrap();
    sqlite.write(batch).unwrap();
    sqlite.end_snapshot("order", except).unwrap();
    sqlite.checkpoint("state").unwrap();
}

#[test]
fn every_kind_of_value_is_stored() {
    let file = file();
    let mut sqlite = file.open();
    let full = json!({
        "group": "it's \"quoted\"\0",
        "number": u64::MAX,
        "price": 1.5,
        "paid": true,
        "placed_at": "2026-01-01T00:00:00Z",
        "items": [1, "two"],
    });
    sqlite.write(rows("order", [full, order(1)])).unwrap();
    let other = json!({ "group": "b", "number": u64::MAX - 1 });
    sqlite.write(rows("order", [other])).unwrap();
    sqlite.checkpoint("s").unwrap();
    let text = r#"SELECT concat_ws('|', "group", CAST("number" AS TEXT), price, paid, placed_at, items)
                  FROM "order" WHERE price IS NOT NULL"#;
    assert_eq!(
        file.query::<String>(text),
        ["it's \"quoted\"\0|18446744073709551615|1.5|1|2026-01-01T00:00:00Z|[1,\"two\"]"]
    );
    let missing = r#"SELECT count(*) FROM "order" WHERE price IS NULL AND items IS NULL"#;
    assert_eq!(file.query::<i64>(missing), [2], "absent columns are null");
}

#[test]
fn a_large_number_outside_a_key_is_rounded() {
    let file = file();
    let counts = stream(
        "counts",
        &["id"],
        &json!({ "id": { "type": "string" }, "n": { "type": "integer" } }),
    );
    let mut sqlite = file.try_open("shop", &[counts]).unwrap();
    sqlite
        .write(rows("counts", [json!({ "id": "a", "n": u64::MAX })]))
        .unwrap();
    sqlite.checkpoint("s").unwrap();
    assert_eq!(
        file.query::<f64>("SELECT n FROM counts"),
        [18_446_744_073_709_551_615.0]
    );
}

#[test]
fn replacements_come_before_rows() {
    let file = file();
    let mut sqlite = file.open();
    sqlite.write(orders_of(0..3)).unwrap();
    let mut batch = orders_of(5..6);
    batch.replaces = vec![row(json!({ "group": "a" }))];
    sqlite.write(batch).unwrap();
    sqlite.checkpoint("s").unwrap();
    assert_eq!(file.numbers(), [5]);
}

#[test]
fn what_no_checkpoint_followed_is_not_there() {
    let file = file();
    let mut sqlite = file.open();
    sqlite.write(orders_of(0..1)).unwrap();
    sqlite.checkpoint("first").unwrap();
    sqlite.write(orders_of(1..2)).unwrap();
    drop(sqlite);
    assert_eq!(file.numbers(), [0]);
    assert_eq!(file.open().state().unwrap().as_deref(), Some("first"));
}

#[test]
fn a_snapshot_of_several_runs_sweeps_at_its_close() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..10), &[]);
    let mut first = file.open();
    first.begin_snapshot(&names()).unwrap();
    first.write(orders_of(0..3)).unwrap();
    first.checkpoint("half").unwrap();
    drop(first);
    // An increment writes a row that is new: it belongs to the snapshot under way.
    let mut second = file.open();
    second.write(orders_of(20..21)).unwrap();
    second.write(orders_of(3..8)).unwrap();
    assert_eq!(file.numbers().len(), 10);
    second.end_snapshot("order", &[]).unwrap();
    second.checkpoint("whole").unwrap();
    assert_eq!(
        second.report().get().swept,
        [("order".to_owned(), 2)].into()
    );
    assert_eq!(file.numbers(), [0, 1, 2, 3, 4, 5, 6, 7, 20]);
}

/// The second run began from the state before: its rows would carry the number of a snapshot that is over.
#[test]
fn the_second_of_two_runs_at_once_is_refused() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..3), &[]);
    let (mut first, mut second) = (file.open(), file.open());
    first.begin_snapshot(&names()).unwrap();
    first.write(orders_of(0..2)).unwrap();
    first.checkpoint("first").unwrap();
    for refused in [
        second.begin_snapshot(&names()),
        second.write(orders_of(2..5)),
        second.end_snapshot("order", &[]),
        second.checkpoint("second"),
    ] {
        let error = format!("{:#}", refused.unwrap_err());
        assert!(error.contains("another run has written"), "{error}");
    }
    first.write(orders_of(2..3)).unwrap();
    first.end_snapshot("order", &[]).unwrap();
    first.checkpoint("whole").unwrap();
    assert_eq!(file.numbers(), [0, 1, 2]);
    assert_eq!(file.open().state().unwrap().as_deref(), Some("whole"));
}

#[test]
fn the_second_of_two_first_runs_is_refused() {
    let file = file();
    let (mut first, mut second) = (file.open(), file.open());
    first.checkpoint("first").unwrap();
    assert!(second.checkpoint("second").is_err());
}

#[test]
fn a_file_of_an_earlier_version_is_gone_on_with() {
    let file = file();
    Connection::open(&file.path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE _state (connector TEXT PRIMARY KEY, state TEXT NOT NULL, previous TEXT) WITHOUT ROWID;
             INSERT INTO _state VALUES ('shop', 'earlier', NULL)",
        )
        .unwrap();
    let (mut first, mut second) = (file.open(), file.open());
    assert_eq!(first.state().unwrap().as_deref(), Some("earlier"));
    first.checkpoint("next").unwrap();
    assert!(second.checkpoint("next").is_err());
    first.checkpoint("and on").unwrap();
}

#[test]
fn rows_that_match_an_exception_are_spared() {
    let file = file();
    let b = |number| json!({ "group": "b", "number": number });
    let mut sqlite = file.open();
    snapshot(
        &mut sqlite,
        rows("order", [order(1), order(2), b(3), b(4)]),
        &[],
    );
    let except = [
        row(json!({ "group": "b" })),
        row(json!({ "group": "a", "number": 2 })),
    ];
    snapshot(&mut sqlite, orders_of(7..8), &except);
    assert_eq!(file.numbers(), [2, 3, 4, 7]);
    snapshot(&mut sqlite, orders_of(7..8), &[]);
    assert_eq!(file.numbers(), [7], "spared once, not for ever");
}

#[test]
fn a_close_that_deletes_too_much_waits_until_it_is_allowed() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..100), &[]);
    let mut refused = file.open();
    snapshot(&mut refused, orders_of(0..60), &[]);
    let expected = RefusedClose { rows: 40, of: 100 };
    let found = refused.report().get();
    assert_eq!(found.refused, [("order".to_owned(), expected)].into());
    assert!(found.swept.is_empty());
    assert_eq!(file.numbers().len(), 100);
    assert_eq!(refused.state().unwrap().as_deref(), Some("state"));
    drop(refused);

    let mut again = file.open();
    again.checkpoint("next").unwrap();
    let found = again.report().get();
    assert_eq!(found.remembered, [("order".to_owned(), expected)].into());
    assert_eq!(found.refused, BTreeMap::new(), "said once");
    drop(again);

    let mut allowed = file.open_with(100);
    allowed.checkpoint("allowed").unwrap();
    assert_eq!(
        allowed.report().get().swept,
        [("order".to_owned(), 40)].into()
    );
    assert_eq!(file.numbers().len(), 60);
}

#[test]
fn rows_that_come_back_end_a_refusal() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..100), &[]);
    let mut sqlite = file.open();
    snapshot(&mut sqlite, orders_of(0..60), &[]);
    snapshot(&mut sqlite, orders_of(0..90), &[]);
    let report = sqlite.report().get();
    assert_eq!(report.refused, BTreeMap::new());
    assert_eq!(report.swept, [("order".to_owned(), 10)].into());
}

/// The permission is back: the new snapshot has reached most rows, and the close before must not take the others for gone.
#[test]
fn a_new_snapshot_ends_a_refusal() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..100), &[]);
    snapshot(&mut file.open(), orders_of(0..60), &[]);
    let mut next = file.open();
    next.begin_snapshot(&names()).unwrap();
    next.write(orders_of(0..90)).unwrap();
    next.checkpoint("most").unwrap();
    assert_eq!(next.report().get().refused, BTreeMap::new());
    drop(next);
    let mut last = file.open_with(100);
    last.checkpoint("more").unwrap();
    assert_eq!(last.report().get(), Sweeps::default());
    assert_eq!(file.numbers().len(), 100);
    last.write(orders_of(90..100)).unwrap();
    last.end_snapshot("order", &[]).unwrap();
    last.checkpoint("whole").unwrap();
    assert_eq!(file.numbers().len(), 100);
}

/// The run that allows it may be the one that begins the next snapshot.
#[test]
fn a_refused_close_is_made_up_for_before_a_new_snapshot() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..100), &[]);
    snapshot(&mut file.open(), orders_of(0..60), &[]);
    let mut allowed = file.open_with(100);
    allowed.begin_snapshot(&names()).unwrap();
    allowed.checkpoint("begun").unwrap();
    assert_eq!(file.numbers().len(), 60);
}

#[test]
fn a_state_of_another_place_sweeps_nothing_until_a_snapshot_begins() {
    let file = file();
    let mut sqlite = file.open();
    snapshot(&mut sqlite, orders_of(0..5), &[]);
    sqlite.begin_snapshot(&names()).unwrap();
    sqlite.checkpoint("half").unwrap();
    let own = sqlite.reconcile("state".to_owned()).unwrap();
    assert_eq!(own, "half", "one checkpoint behind");
    assert_eq!(sqlite.reconcile("other".to_owned()).unwrap(), "other");
    sqlite.end_snapshot("order", &[]).unwrap();
    sqlite.checkpoint("ended").unwrap();
    assert_eq!(file.numbers().len(), 5);
    snapshot(&mut sqlite, orders_of(0..2), &[]);
    assert_eq!(file.numbers(), [0, 1]);
}

#[test]
fn a_stream_that_gains_a_column_gets_it_in_the_same_file() {
    let file = file();
    snapshot(&mut file.open(), orders_of(0..1), &[]);
    let grown = stream(
        "order",
        &["group", "number"],
        &json!({
            "group": { "type": "string" },
            "number": { "type": "integer" },
            "select": { "type": ["string", "null"] },
        }),
    );
    let mut sqlite = file.try_open("shop", &[grown]).unwrap();
    let grown = json!({ "group": "a", "number": 1, "select": "new" });
    sqlite.write(rows("order", [grown])).unwrap();
    sqlite.checkpoint("s").unwrap();
    let sql = r#"SELECT coalesce("select", 'none') FROM "order" ORDER BY "number""#;
    assert_eq!(file.query::<String>(sql), ["none", "new"]);
}

#[test]
fn tables_of_others_are_refused_and_left_alone() {
    for (made, word) in [
        (r#"CREATE TABLE "order" (x)"#, "another program"),
        (r#"CREATE VIEW "ORDER" AS SELECT 1"#, "another program"),
        (
            "CREATE TABLE _state (id INTEGER, state TEXT)",
            "another program",
        ),
    ] {
        let file = file();
        Connection::open(&file.path)
            .unwrap()
            .execute_batch(made)
            .unwrap();
        let before = std::fs::read(&file.path).unwrap();
        let error = file.try_open("shop", &[orders()]).unwrap_err();
        assert!(format!("{error:#}").contains(word), "{made}: {error:#}");
        assert_eq!(std::fs::read(&file.path).unwrap(), before, "{made}");
    }
    let file = file();
    std::fs::write(&file.path, "a text, and a long one, of somebody else's").unwrap();
    let error = file.try_open("shop", &[orders()]).unwrap_err();
    assert!(format!("{error:#}").contains("not a database"), "{error:#}");
}

#[test]
fn two_connectors_share_a_file_but_no_table_and_no_state() {
    let file = file();
    let mut shop = file.open();
    shop.checkpoint("of the shop").unwrap();
    drop(shop);
    let error = file.try_open("bank", &[orders()]).unwrap_err();
    assert!(
        format!("{error:#}").contains(r#"connector "shop""#),
        "{error:#}"
    );
    let accounts = stream("accounts", &["id"], &json!({ "id": { "type": "string" } }));
    let mut bank = file.try_open("bank", &[accounts]).unwrap();
    assert_eq!(bank.state().unwrap(), None);
    bank.checkpoint("of the bank").unwrap();
    drop(bank);
    assert_eq!(file.open().state().unwrap().as_deref(), Some("of the shop"));
}

#[test]
fn names_are_quoted_and_other_files_out_of_reach() {
    let file = file();
    let mut sqlite = file.open();
    let error = sqlite
        .database
        .execute_batch("ATTACH '/tmp/x' AS x")
        .unwrap_err();
    assert!(error.to_string().contains("not authorized"), "{error}");
    let mut batch = orders_of(0..0);
    batch.replaces = vec![row(json!({ "number\" = 1 OR \"number": 1 }))];
    assert!(sqlite.write(batch).is_err());
    let everything = Batch {
        replaces: vec![row(json!({}))],
        ..orders_of(0..0)
    };
    assert!(sqlite.write(everything).is_err(), "no key matches all rows");
}

#[test]
fn a_statement_under_way_stops_when_the_run_does() {
    let file = file();
    let options = SqliteOptions::default();
    let stop = Arc::clone(&options.stop);
    let sqlite = Sqlite::open(&file.path, "shop", &[orders()], options).unwrap();
    stop.store(true, Ordering::Relaxed);
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let error = sqlite
        .database
        .query_row(endless, [], |row| row.get::<_, i64>(0))
        .unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = file();
    let mut sqlite = file.open();
    sqlite.checkpoint("s").unwrap();
    for made in std::fs::read_dir(file.path.parent().unwrap()).unwrap() {
        let made = made.unwrap();
        let permissions = made.metadata().unwrap().permissions();
        assert_eq!(permissions.mode() & 0o077, 0, "{:?}", made.file_name());
    }
}

fn open_with_view(file: &File, select: &str) -> Result<Sqlite> {
    let options = SqliteOptions {
        views: vec![("shop_orders".to_owned(), select.to_owned())],
        ..SqliteOptions::default()
    };
    Sqlite::open(&file.path, "shop", &[orders()], options)
}

#[test]
fn views_follow_the_tables() {
    let file = file();
    drop(open_with_view(&file, r#"SELECT 1 AS n FROM "order""#).unwrap());
    let mut sqlite = open_with_view(&file, r#"SELECT 2 AS n FROM "order""#).unwrap();
    sqlite.write(orders_of(0..1)).unwrap();
    sqlite.checkpoint("s").unwrap();
    assert_eq!(file.query::<i64>("SELECT n FROM shop_orders"), [2]);
}

#[test]
fn what_another_program_calls_like_a_view_stays_and_nothing_is_made() {
    for other in [
        "CREATE TABLE Shop_Orders (x)",
        "CREATE VIEW shop_orders AS SELECT 7 AS x",
    ] {
        let file = file();
        let database = Connection::open(&file.path).unwrap();
        database.execute_batch(other).unwrap();
        drop(database);
        let error = open_with_view(&file, "SELECT 1 AS n").unwrap_err();
        assert!(
            format!("{error:#}").contains("made by another program"),
            "{error:#}"
        );
        let tables = file.query::<String>("SELECT lower(name) FROM sqlite_master");
        assert_eq!(tables, ["shop_orders"]);
    }
}
