//! Whose a table is.

use connector_runtime::destination::Destination as _;
use connector_runtime::stream::ColumnKind;

use crate::support::{orders, schema, stream};

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
