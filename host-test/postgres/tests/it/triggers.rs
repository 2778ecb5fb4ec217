//! Triggers that the owner of the tables made.

use connector_runtime::destination::Destination as _;

use crate::support::{Schema, names, orders, orders_of, schema};

/// Makes a trigger that drops the rows of this table that are written in this way.
fn drop_rows(schema: &Schema, table: &str, event: &str) {
    schema.run(&format!(
        "CREATE OR REPLACE FUNCTION drops() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER drops BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION drops()"
    ));
}

#[test]
fn rows_that_a_trigger_drops_fail_the_checkpoint_and_it_cannot_be_repeated() {
    let Some(schema) = schema() else { return };
    let mut postgres = schema.open();
    postgres.write(orders_of(0..2)).unwrap();
    postgres.checkpoint("two").unwrap();
    schema.run(
        r#"CREATE FUNCTION even() RETURNS trigger LANGUAGE plpgsql
           AS 'BEGIN IF NEW.number % 2 = 0 THEN RETURN NEW; END IF; RETURN NULL; END';
           CREATE TRIGGER even BEFORE INSERT ON "order" FOR EACH ROW EXECUTE FUNCTION even()"#,
    );
    postgres.write(orders_of(2..8)).unwrap();
    let error = format!("{:#}", postgres.checkpoint("eight").unwrap_err());
    assert!(
        error.contains("the table order took 3 of 6 rows"),
        "{error}"
    );
    let again = format!("{:#}", postgres.checkpoint("eight").unwrap_err());
    assert!(again.contains("is closed"), "{again}");
    assert_eq!(schema.numbers(), [0, 1]);
    assert_eq!(schema.open().state().unwrap().as_deref(), Some("two"));
}

#[test]
fn what_is_dropped_from_the_tables_of_the_connector_fails_the_run_too() {
    let Some(schema) = schema() else { return };
    drop(schema.try_open("shop", &[]).unwrap());
    drop_rows(&schema, "_streams", "INSERT");
    let error = format!("{:#}", schema.try_open("shop", &[orders()]).unwrap_err());
    assert!(
        error.contains("the table _streams took 0 of 1 rows"),
        "{error}"
    );
    schema.run("DROP TRIGGER drops ON _streams");
    let mut postgres = schema.open();
    drop_rows(&schema, "_streams", "UPDATE");
    let begun = postgres.begin_snapshot(&names());
    let error = begun.and_then(|()| postgres.checkpoint("s")).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("the table _streams took 0 of 1 rows"),
        "{error}"
    );
    schema.run("DROP TRIGGER drops ON _streams");
    let mut postgres = schema.open();
    drop_rows(&schema, "_state", "INSERT");
    postgres.checkpoint("s").unwrap_err();
    assert_eq!(schema.open().state().unwrap(), None);
}

/// Who keeps deleted rows has them kept, and who notes what is written has it noted.
#[test]
fn triggers_that_take_every_row_are_left_alone() {
    let Some(schema) = schema() else { return };
    drop(schema.open());
    let name = schema.quoted();
    schema.run(&format!(
        "CREATE TABLE noted (number bigint);
         CREATE FUNCTION notes() RETURNS trigger LANGUAGE plpgsql
         AS 'BEGIN INSERT INTO {name}.noted VALUES (NEW.number); RETURN NEW; END';
         CREATE TRIGGER notes BEFORE INSERT ON \"order\" FOR EACH ROW EXECUTE FUNCTION notes()"
    ));
    drop_rows(&schema, "\"order\"", "DELETE");
    let mut postgres = schema.open();
    for numbers in [0..3, 1..3] {
        crate::support::snapshot(&mut postgres, orders_of(numbers), &[]);
    }
    assert_eq!(schema.numbers(), [0, 1, 2]);
    assert_eq!(schema.texts("SELECT count(*)::text FROM noted"), ["5"]);
}
