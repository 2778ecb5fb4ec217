//! Whose a table is.

use connector_runtime::destination::Destination as _;
use connector_runtime::stream::ColumnKind;

use crate::support::{orders, orders_of, schema, snapshot, stream};

#[test]
fn tables_of_others_are_refused_and_nothing_is_made_beside_them() {
    for made in [
        r#"CREATE TABLE "order" (x int)"#,
        r#"CREATE VIEW "order" AS SELECT 1 AS x"#,
        "CREATE TABLE _state (id int)",
    ] {
        let Some(schema) = schema() else { return };
        schema.run(made);
        let error = format!("{:#}", schema.try_open("shop", &[orders()]).unwrap_err());
        assert!(
            error.contains("another program") && error.contains(&format!("{:?}", schema.name)),
            "{error}"
        );
        let relations = "SELECT relname::text FROM pg_class
                         WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'v')";
        assert_eq!(schema.texts(relations).len(), 1, "{made}");
    }
}

#[test]
fn two_connectors_share_a_schema_but_no_table_and_no_state() {
    let Some(schema) = schema() else { return };
    schema.open().checkpoint("of the shop").unwrap();
    let error = format!("{:#}", schema.try_open("bank", &[orders()]).unwrap_err());
    assert!(error.contains(r#"connector "shop""#), "{error}");
    let accounts = stream("accounts", &["id"], &[("id", ColumnKind::Text)]);
    let mut bank = schema.try_open("bank", &[accounts]).unwrap();
    assert_eq!(bank.state().unwrap(), None);
    bank.checkpoint("of the bank").unwrap();
    assert_eq!(
        schema.open().state().unwrap().as_deref(),
        Some("of the shop")
    );
}

#[test]
fn a_state_is_not_used_once_a_table_that_it_covers_is_gone() {
    let Some(schema) = schema() else { return };
    snapshot(&mut schema.open(), orders_of(0..3), &[]);
    schema.run(r#"DROP TABLE "order""#);
    for _ in 0..2 {
        let error = schema.try_open("shop", &[orders()]).unwrap_err();
        let lost = error.is::<connector_destinations::lost_table::LostTable>();
        assert!(lost, "{error:#}");
        let error = format!("{error:#}");
        let advice = "DELETE FROM _state WHERE connector = 'shop'";
        assert!(
            error.contains("table order is gone") && error.contains(advice),
            "{error}"
        );
    }
    schema.run("DELETE FROM _state WHERE connector = 'shop'");
    assert_eq!(schema.open().state().unwrap(), None);
}

#[test]
fn a_schema_that_the_role_may_not_use_is_refused_with_the_grant_that_is_missing() {
    let Some(schema) = schema() else { return };
    schema.run("CREATE ROLE without_usage LOGIN PASSWORD 'x'");
    let url = schema.server.url("postgres");
    let (_, place) = url.split_once('@').unwrap();
    let url = format!("postgresql://without_usage:x@{place}");
    let address = connector_postgres::Address::parse(&url).unwrap();
    let opened =
        connector_postgres::Postgres::open(&address, "shop", &[orders()], schema.options());
    let error = format!("{:#}", opened.unwrap_err());
    let granted = format!(
        "GRANT USAGE, CREATE ON SCHEMA \"{}\"",
        schema.name.replace('"', "\"\"")
    );
    assert!(
        error.contains(&granted) && error.contains("TO \"without_usage\""),
        "{error}"
    );
}
