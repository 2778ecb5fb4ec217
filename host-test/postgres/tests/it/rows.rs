//! Values, replacements and checkpoints.

use connector_runtime::destination::{Batch, Destination as _};
use connector_runtime::stream::ColumnKind;
use serde_json::json;

use crate::support::{order, orders, orders_of, row, rows, schema, snapshot, stream};

#[test]
fn every_kind_of_value_has_its_own_type() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    let full = json!({
        "group": "it's \"quoted\"\0", "number": i64::MAX, "price": 1.5, "paid": true,
        "placed_at": "2026-01-01T02:00:00.5+02:00", "items": [1, "two\0"],
    });
    postgres.write(rows("order", [full, order(1)])).unwrap();
    postgres.checkpoint("s").unwrap();
    let sql = r#"SELECT concat_ws('|', "group", "number", price, paid, placed_at AT TIME ZONE 'UTC', items)
                 FROM "order" WHERE price IS NOT NULL"#;
    let expected = "it's \"quoted\"\u{FFFD}|9223372036854775807|1.5|t|2026-01-01 00:00:00.5|[1, \"two\u{FFFD}\"]";
    assert_eq!(schema.texts(sql), [expected]);
    let kinds = "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                 FROM pg_attribute WHERE attrelid = '\"order\"'::regclass AND attnum > 0";
    let expected = "group text, items jsonb, number bigint, paid boolean, placed_at timestamp with time zone, \
                    price double precision, _snapshot bigint";
    assert_eq!(schema.texts(kinds), [expected]);
    let absent =
        r#"SELECT "group" FROM "order" WHERE price IS NULL AND items IS NULL AND paid IS NULL"#;
    assert_eq!(schema.texts(absent), ["a"], "absent columns are null");
}

#[test]
fn the_last_row_of_a_key_wins_and_replacements_come_before_rows() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    let paid = |number: i64, paid: bool| json!({ "group": "a", "number": number, "paid": paid });
    postgres
        .write(rows(
            "order",
            [paid(1, false), paid(2, false), paid(1, true)],
        ))
        .unwrap();
    postgres.write(rows("order", [paid(2, true)])).unwrap();
    postgres.checkpoint("s").unwrap();
    let sql = r#"SELECT "number" || ' ' || paid FROM "order" ORDER BY 1"#;
    assert_eq!(schema.texts(sql), ["1 true", "2 true"]);

    // What still waits is replaced too, by either part of the key, and rows of the same batch are not.
    postgres.write(orders_of(10..12)).unwrap();
    let by_group = Batch {
        replaces: vec![row(json!({ "group": "a" }))],
        ..orders_of(20..23)
    };
    postgres.write(by_group).unwrap();
    let by_number = Batch {
        replaces: vec![row(json!({ "number": 21 }))],
        ..orders_of(30..31)
    };
    postgres.write(by_number).unwrap();
    let by_both = Batch {
        replaces: vec![row(json!({ "group": "a", "number": 30 }))],
        ..orders_of(40..41)
    };
    postgres.write(by_both).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(schema.numbers(), [20, 22, 40]);
}

#[test]
fn many_rows_between_two_checkpoints_are_sent_in_parts() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    for start in (0..25_000).step_by(250) {
        postgres.write(orders_of(start..start + 250)).unwrap();
    }
    let replacing = Batch {
        replaces: vec![row(json!({ "number": 3 }))],
        ..orders_of(0..0)
    };
    postgres.write(replacing).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(schema.numbers().len(), 24_999);
}

#[test]
fn what_no_checkpoint_followed_is_not_there() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    assert_eq!(postgres.state().unwrap(), None);
    postgres.write(orders_of(0..1)).unwrap();
    postgres.checkpoint("first").unwrap();
    postgres.write(orders_of(1..12_000)).unwrap();
    drop(postgres);
    assert_eq!(schema.numbers(), [0]);
    assert_eq!(schema.open().state().unwrap().as_deref(), Some("first"));
}

#[test]
fn what_cannot_be_stored_names_stream_and_column() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    for (column, value) in [("placed_at", json!("soon")), ("number", json!(1.5))] {
        let mut odd = order(1);
        odd[column] = value;
        let batch = Batch {
            rows: vec![row(odd)],
            ..orders_of(0..0)
        };
        let error = format!("{:#}", postgres.write(batch).unwrap_err());
        assert!(
            error.contains("\"order\"") && error.contains(column),
            "{error}"
        );
    }
    let everything = Batch {
        replaces: vec![row(json!({}))],
        ..orders_of(0..0)
    };
    assert!(
        postgres.write(everything).is_err(),
        "no key matches all rows"
    );
    let injected = Batch {
        replaces: vec![row(json!({ "number\" = 1 OR \"number": 1 }))],
        ..orders_of(0..0)
    };
    assert!(postgres.write(injected).is_err());
}

#[test]
fn whole_numbers_beyond_those_of_bigint_arrive_as_they_are() {
    let Some(schema) = schema() else { return };
    let counts = || {
        let columns = [
            ("group", ColumnKind::Text),
            ("number", ColumnKind::Integer),
            ("sold", ColumnKind::Integer),
        ];
        stream("order", &["group", "number"], &columns)
    };
    let sold = |number: u64, sold: u64| json!({ "group": "a", "number": number, "sold": sold });
    let all = r#"SELECT "number" || ' ' || sold FROM "order" ORDER BY "number""#;
    let mut postgres = schema.try_open("shop", &[counts()]).unwrap();
    postgres
        .write(rows("order", [sold(1, 7), sold(2, 8)]))
        .unwrap();
    let beyond = [sold(3, u64::MAX), sold(1 << 63, 9), sold(u64::MAX, 10)];
    postgres.write(rows("order", beyond)).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(
        schema.texts(all),
        [
            "1 7",
            "2 8",
            "3 18446744073709551615",
            "9223372036854775808 9",
            "18446744073709551615 10"
        ]
    );

    // The next run finds the wider columns, and finds rows by such numbers.
    let mut postgres = schema.try_open("shop", &[counts()]).unwrap();
    let replacing = Batch {
        replaces: vec![row(json!({ "number": u64::MAX }))],
        ..rows("order", [sold(2, 9), sold(1 << 63, u64::MAX - 1)])
    };
    postgres.write(replacing).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(
        schema.texts(all),
        [
            "1 7",
            "2 9",
            "3 18446744073709551615",
            "9223372036854775808 18446744073709551614"
        ]
    );
}

#[test]
fn a_column_that_a_view_uses_is_widened_once_the_view_is_gone() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..1), &[]);
    schema.run(r#"CREATE VIEW numbers AS SELECT "number" FROM "order""#);
    let beyond = || rows("order", [json!({ "group": "a", "number": u64::MAX })]);
    let error = format!("{:#}", schema.open().write(beyond()).unwrap_err());
    for word in ["\"number\"", "\"order\"", "view"] {
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(schema.numbers(), [0], "nothing of it was written");
    schema.run("DROP VIEW numbers");
    let mut postgres = schema.open();
    postgres.write(beyond()).unwrap();
    postgres.checkpoint("s").unwrap();
    let all = r#"SELECT "number"::text FROM "order" ORDER BY "number""#;
    assert_eq!(schema.texts(all), ["0", "18446744073709551615"]);
}

#[test]
fn a_stream_that_gains_a_column_gets_it_in_the_same_table() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..1), &[]);
    let mut grown = orders();
    let gained = connector_runtime::stream::Column {
        name: "select".to_owned(),
        kind: ColumnKind::Text,
        required: false,
    };
    grown.columns = grown.columns.iter().cloned().chain([gained]).collect();
    let mut postgres = schema.try_open("shop", &[grown]).unwrap();
    postgres
        .write(rows(
            "order",
            [json!({ "group": "a", "number": 1, "select": "new" })],
        ))
        .unwrap();
    postgres.checkpoint("s").unwrap();
    let sql = r#"SELECT coalesce("select", 'none') FROM "order" ORDER BY "number""#;
    assert_eq!(schema.texts(sql), ["none", "new"]);
    // An older version of the connector goes on with the columns that it knows.
    schema.open().write(orders_of(5..6)).unwrap();

    let changed = stream(
        "order",
        &["group", "number"],
        &[("group", ColumnKind::Text), ("number", ColumnKind::Text)],
    );
    let error = format!("{:#}", schema.try_open("shop", &[changed]).unwrap_err());
    assert!(
        error.contains("number") && error.contains("bigint"),
        "{error}"
    );
}
