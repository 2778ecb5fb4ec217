#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

fn vault(byte: u8) -> Vault {
    Vault::new(Some(&STANDARD.encode([byte; 32]))).unwrap()
}

fn config(value: &Value) -> Map<String, Value> {
    [
        ("api_token".to_owned(), value.clone()),
        ("page_size".to_owned(), json!(7)),
    ]
    .into_iter()
    .collect()
}

#[test]
fn a_secret_is_sealed_for_one_connection_and_one_key() {
    let fields = ["api_token".to_owned()];
    let mut sealed = config(&json!("hidden"));
    vault(1).seal("a", &fields, &mut sealed).unwrap();
    assert!(!Value::Object(sealed.clone()).to_string().contains("hidden"));
    let mut opened = sealed.clone();
    vault(1).open("a", &mut opened).unwrap();
    assert_eq!(opened, config(&json!("hidden")));
    for (vault, connection) in [(vault(2), "a"), (vault(1), "b"), (Vault::default(), "a")] {
        let error = vault.open(connection, &mut sealed.clone()).unwrap_err();
        assert!(error.to_string().contains("FLEET_KEY"), "{error}");
    }
    assert!(
        Vault::default()
            .seal("a", &fields, &mut config(&json!("hidden")))
            .is_err()
    );
    assert!(Vault::new(Some("short")).is_err());
}

#[test]
fn the_members_of_a_secret_object_are_sealed_one_by_one() {
    let fields = ["api_token".to_owned()];
    let client =
        json!({ "client_id": "me", "client_secret": "hidden", "other": { "env": "HOME" } });
    let mut sealed = config(&client);
    vault(1).seal("a", &fields, &mut sealed).unwrap();
    assert!(!Value::Object(sealed.clone()).to_string().contains("hidden"));
    assert_eq!(sealed["api_token"]["other"], client["other"]);
    vault(1).open("a", &mut sealed).unwrap();
    assert_eq!(sealed["api_token"]["client_secret"], "hidden");
    assert_eq!(sealed["api_token"]["client_id"], "me");
}

#[test]
fn a_reference_needs_no_key_and_is_read_when_the_run_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "hidden\n").unwrap();
    let reference = config(&json!({ "file": file }));
    let mut kept = reference.clone();
    Vault::default()
        .seal("a", &["api_token".to_owned()], &mut kept)
        .unwrap();
    assert_eq!(kept, reference);
    Vault::default().open("a", &mut kept).unwrap();
    assert_eq!(kept["api_token"], "hidden");
    let error = Vault::default()
        .open("a", &mut config(&json!({ "env": "NOT_SET_ANYWHERE" })))
        .unwrap_err();
    assert!(error.to_string().contains("NOT_SET_ANYWHERE"), "{error}");
}

#[test]
fn a_key_is_compared_with_what_is_sealed_and_with_nothing_else() {
    let fields = ["api_token".to_owned()];
    let client = json!({ "client_id": "me", "client_secret": { "env": "NOT_SET_ANYWHERE" } });
    let mut sealed = config(&client);
    assert_eq!(
        vault(1).can_open("a", &sealed["api_token"].as_object().unwrap().clone()),
        None
    );
    vault(1).seal("a", &fields, &mut sealed).unwrap();
    assert_eq!(vault(1).can_open("a", &sealed), Some(true));
    assert_eq!(vault(2).can_open("a", &sealed), Some(false));
    assert_eq!(Vault::default().can_open("a", &sealed), Some(false));
}
