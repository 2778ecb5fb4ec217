//! Functions and operators of others that fit better than those of PostgreSQL.

use connector_postgres::{Address, Postgres, PostgresOptions};
use connector_runtime::destination::Destination as _;
use serde_json::json;

use crate::support::{Schema, names, order, orders, orders_of, row, rows, schema, snapshot};

/// What fits exactly wherever it is in the path, and says that it was executed.
const SHADOWS: [&str; 8] = [
    "hashtextextended(text, int) RETURNS bigint",
    "pg_advisory_xact_lock(int) RETURNS void",
    "unnest(text[]) RETURNS SETOF text",
    "unnest(bigint[]) RETURNS SETOF bigint",
    "obj_description(oid, text) RETURNS text",
    "is_equal(text, text) RETURNS boolean",
    "is_less(bigint, bigint) RETURNS boolean",
    "is_any(name, text) RETURNS boolean",
];

/// Makes them as this role in a schema.
fn make_shadows(schema: &Schema, role: &str, place: &str) {
    let shadow = |signature: &&str| {
        format!(
            "CREATE FUNCTION {place}.{signature} LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'shadowed'; END$$"
        )
    };
    let made: Vec<_> = SHADOWS.iter().map(shadow).collect();
    schema.admin(&format!(
        "GRANT ALL ON SCHEMA {place} TO {role}; SET LOCAL ROLE {role}; {};
         CREATE OPERATOR {place}.= (LEFTARG = text, RIGHTARG = text, FUNCTION = {place}.is_equal);
         CREATE OPERATOR {place}.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = {place}.is_less);
         CREATE OPERATOR {place}.= (LEFTARG = name, RIGHTARG = text, FUNCTION = {place}.is_any)",
        made.join("; ")
    ));
}

/// Does everything that a run does.
fn run(schema: &Schema, address: &Address) {
    let select = format!("SELECT \"number\" FROM {}.\"order\"", schema.quoted());
    let options = PostgresOptions {
        views: vec![("numbers".to_owned(), select)],
        ..schema.options()
    };
    let open = || Postgres::open(address, "shop", &[orders()], options.clone()).unwrap();
    let mut postgres = open();
    snapshot(&mut postgres, orders_of(0..10), &[]);
    postgres.begin_snapshot(&names()).unwrap();
    postgres.write(orders_of(1..9)).unwrap();
    let mut replaced = rows("order", [order(1)]);
    replaced.replaces = vec![row(json!({ "group": "a", "number": 8 }))];
    postgres.write(replaced).unwrap();
    let spared = row(json!({ "group": "a", "number": 9 }));
    postgres.end_snapshot("order", &[spared]).unwrap();
    postgres.checkpoint("again").unwrap();
    let mut postgres = open();
    assert_eq!(postgres.state().unwrap().as_deref(), Some("again"));
    postgres.reconcile("other".to_owned()).unwrap();
    let large = json!({ "group": "b", "number": u64::MAX });
    drop(postgres.write(rows("order", [large])));
}

#[test]
fn functions_and_operators_in_a_schema_of_the_path_are_not_executed() {
    let Some(schema) = schema() else { return };
    let (mallory, _) = schema.role("mallory");
    let (alice, address) = schema.role("alice");
    let name = schema.quoted();
    schema.admin(&format!("CREATE SCHEMA {name} AUTHORIZATION {alice}"));
    make_shadows(&schema, &mallory, &name);
    make_shadows(&schema, &mallory, "public");
    // Whatever the administrator set for the role.
    schema.admin(&format!(
        "ALTER ROLE {alice} SET search_path TO public, {name}"
    ));
    run(&schema, &address);
    schema.admin(&format!("DROP OWNED BY {mallory}"));
    assert_eq!(schema.numbers(), [1, 2, 3, 4, 5, 6, 7, 9]);
}

#[test]
fn a_schema_whose_name_means_something_in_a_search_path_is_one_of_that_name() {
    let Some(schema) = schema() else { return };
    let (alice, address) = schema.role("alice");
    schema.admin(&format!("CREATE SCHEMA {alice} AUTHORIZATION {alice}"));
    let options = PostgresOptions::new("$user");
    let mut postgres = Postgres::open(&address, "shop", &[orders()], options).unwrap();
    postgres.write(orders_of(0..2)).unwrap();
    postgres.checkpoint("s").unwrap();
    let numbers = r#"SELECT "number"::text FROM "$user"."order" ORDER BY 1"#;
    assert_eq!(schema.texts(numbers), ["0", "1"]);
    let made =
        format!("SELECT relname::text FROM pg_class WHERE relnamespace = '{alice}'::regnamespace");
    assert!(schema.texts(&made).is_empty());
}
