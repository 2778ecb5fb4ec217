//! Schemas and tables that roles own which the run does not trust.

use connector_runtime::destination::Destination as _;

use crate::support::{Schema, orders_of, schema};

/// Opens the schema as this role, which must be refused with these words, and nothing be made in it.
fn refused(schema: &Schema, address: &connector_postgres::Address, words: &[&str]) {
    let count = "SELECT count(*)::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE nspname = current_schema()";
    let before = schema.texts(count);
    let error = format!("{:#}", schema.open_as(address).unwrap_err());
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(schema.texts(count), before, "nothing was made");
}

#[test]
fn a_schema_of_another_role_is_refused() {
    let Some(schema) = schema() else { return };
    let (mallory, _) = schema.role("mallory");
    let (alice, address) = schema.role("alice");
    let name = schema.quoted();
    schema.admin(&format!(
        "CREATE SCHEMA {name} AUTHORIZATION {mallory}; GRANT ALL ON SCHEMA {name} TO PUBLIC"
    ));
    let advice = format!("ALTER SCHEMA {name} OWNER TO \"{alice}\"");
    let owner = format!("belongs to the role \"{mallory}\"");
    refused(&schema, &address, &[&owner, &advice]);
    // A superuser has the rights of every role, and still is not who made it.
    refused(
        &schema,
        &schema.address(),
        &[&owner, "OWNER TO \"postgres\""],
    );
    schema.admin(&format!("ALTER SCHEMA {name} OWNER TO {alice}"));
    schema.open_as(&address).unwrap();
}

#[test]
fn tables_and_views_of_another_role_are_refused() {
    for made in [
        r#"TABLE "order" (x int)"#,
        "TABLE _state (connector text PRIMARY KEY, state text, previous text, version bigint)",
        "VIEW _streams AS SELECT 'order' AS name, 'shop' AS connector, 0::bigint AS snapshot, \
         false AS in_snapshot, NULL::bigint AS refused_close",
    ] {
        let Some(schema) = schema() else { return };
        let (mallory, _) = schema.role("mallory");
        let (_, address) = schema.role("alice");
        schema.run("");
        schema.admin(&format!(
            "GRANT ALL ON SCHEMA {} TO PUBLIC",
            schema.quoted()
        ));
        schema.run(&format!(
            "SET ROLE {mallory}; CREATE {made}; GRANT ALL ON ALL TABLES IN SCHEMA {} TO PUBLIC; RESET ROLE",
            schema.quoted()
        ));
        let owner = format!("belongs to the role \"{mallory}\"");
        refused(&schema, &address, &[&owner, "use another schema"]);
    }
}

#[test]
fn what_a_role_of_one_s_own_or_the_owner_of_the_database_made_is_used() {
    for (owner, prepare) in [
        ("team", "GRANT {owner} TO {user}"),
        ("chief", "ALTER DATABASE postgres OWNER TO {owner}"),
    ] {
        let Some(schema) = schema() else { return };
        let (owner, _) = schema.role(owner);
        let (user, address) = schema.role("alice");
        let prepare = prepare.replace("{owner}", &owner).replace("{user}", &user);
        schema.admin(&prepare);
        schema.admin(&format!(
            "CREATE SCHEMA {name} AUTHORIZATION {owner}; GRANT ALL ON SCHEMA {name} TO {user}",
            name = schema.quoted()
        ));
        let opened = schema.open_as(&address).map(drop);
        schema.admin("ALTER DATABASE postgres OWNER TO postgres");
        opened.unwrap();
    }
}

#[test]
fn triggers_of_another_role_and_rows_that_are_hidden_are_refused() {
    let Some(schema) = schema() else { return };
    let (mallory, _) = schema.role("mallory");
    let (alice, address) = schema.role("alice");
    let name = schema.quoted();
    schema.admin(&format!("CREATE SCHEMA {name} AUTHORIZATION {alice}"));
    drop(schema.open_as(&address).unwrap());
    schema.run(&format!(
        "GRANT ALL ON SCHEMA {name} TO PUBLIC; GRANT ALL ON \"order\" TO PUBLIC; SET ROLE {mallory};
         CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER spies BEFORE INSERT ON \"order\" FOR EACH ROW EXECUTE FUNCTION spy(); RESET ROLE"
    ));
    refused(&schema, &address, &["the trigger spies of its table order"]);
    schema.run(
        "DROP TRIGGER spies ON \"order\"; ALTER TABLE _state ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    );
    let advice = format!("ALTER TABLE {name}.\"_state\" DISABLE ROW LEVEL SECURITY");
    refused(&schema, &address, &[&advice]);
    schema.run("ALTER TABLE _state DISABLE ROW LEVEL SECURITY");
    let mut postgres = schema.open_as(&address).unwrap();
    postgres.write(orders_of(0..2)).unwrap();
    postgres.checkpoint("s").unwrap();
    assert_eq!(schema.numbers(), [0, 1]);
}
