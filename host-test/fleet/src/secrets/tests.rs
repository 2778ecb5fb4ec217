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
    vault(1).open("a", &fields, &mut opened).unwrap();
    assert_eq!(opened, config(&json!("hidden")));
    for (vault, connection) in [(vault(2), "a"), (vault(1), "b"), (Vault::default(), "a")] {
        let error = vault
            .open(connection, &fields, &mut sealed.clone())
            .unwrap_err();
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
    let client = json!({ "client_id": "me", "client_secret": "hidden", "other": { "env": "CARGO_PKG_NAME" } });
    let mut sealed = config(&client);
    vault(1).seal("a", &fields, &mut sealed).unwrap();
    assert!(!Value::Object(sealed.clone()).to_string().contains("hidden"));
    assert_eq!(sealed["api_token"]["other"], client["other"]);
    let references = References {
        folder: None,
        prefix: Some("CARGO_PKG_".to_owned()),
    };
    let vault = vault(1).with_references(references);
    vault.open("a", &fields, &mut sealed).unwrap();
    assert_eq!(sealed["api_token"]["other"], "connector-fleet");
    assert_eq!(sealed["api_token"]["client_secret"], "hidden");
    assert_eq!(sealed["api_token"]["client_id"], "me");
}

fn opened(references: &References, reference: &Value) -> Result<Value> {
    let vault = Vault::default().with_references(references.clone());
    let mut config = config(reference);
    vault.open("a", &["api_token".to_owned()], &mut config)?;
    Ok(config["api_token"].clone())
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
    let references = References {
        folder: Some(folder.path().to_owned()),
        prefix: Some("CARGO_PKG_N".to_owned()),
    };
    for (reference, secret) in [
        (json!({ "file": file }), "hidden"),
        (json!({ "file": "token" }), "hidden"),
        (json!({ "env": "CARGO_PKG_NAME" }), "connector-fleet"),
    ] {
        assert_eq!(opened(&references, &reference).unwrap(), secret);
    }
}

/// The variables of a test are those that cargo sets.
#[test]
fn a_reference_leads_nowhere_but_where_the_operator_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("secrets")).unwrap();
    std::fs::write(path("outside"), "precious").unwrap();
    std::fs::write(path("secrets/token"), "hidden").unwrap();
    let references = |prefix: &str| References {
        folder: Some(path("secrets")),
        prefix: Some(prefix.to_owned()),
    };
    #[cfg(unix)]
    for (link, target) in [("out", "../outside"), ("in", "token")] {
        std::os::unix::fs::symlink(target, path("secrets").join(link)).unwrap();
    }
    let mine = references("CARGO_PKG_N");
    for (reference, refused) in [
        (json!({ "file": "../outside" }), "--secrets-dir"),
        (json!({ "file": path("outside") }), "--secrets-dir"),
        (json!({ "file": "-" }), "standard input"),
        #[cfg(unix)]
        (json!({ "file": "out" }), "--secrets-dir"),
        (json!({ "env": "CARGO_PKG_VERSION" }), "--secret-env"),
        (json!({ "env": "CARGO_PKG_NOT_SET" }), "is not set"),
    ] {
        let error = format!("{:#}", opened(&mine, &reference).unwrap_err());
        assert!(error.contains(refused), "{error}");
        assert!(error.starts_with("api_token"), "{error}");
    }
    #[cfg(unix)]
    assert_eq!(opened(&mine, &json!({ "file": "in" })).unwrap(), "hidden");
    for own in ["FLEET_KEY", "DATABASE_URL", "PGPASSWORD", "fleet_key"] {
        for prefix in ["F", "DATABASE_", "PG", own] {
            let error = opened(&references(prefix), &json!({ "env": own })).unwrap_err();
            assert!(format!("{error:#}").contains("the fleet itself"), "{own}");
        }
    }
    let anywhere = References::default();
    let outside = json!({ "file": path("outside") });
    assert_eq!(opened(&anywhere, &outside).unwrap(), "precious");
    assert!(opened(&anywhere, &json!({ "env": "PGPASSWORD" })).is_err());
}

#[test]
fn a_reference_in_a_field_that_is_no_secret_is_not_followed() {
    let references = References {
        folder: None,
        prefix: Some("CARGO_".to_owned()),
    };
    let vault = Vault::default().with_references(references);
    let mut config = config(&Value::Null);
    let reference = json!({ "env": "CARGO_PKG_NAME" });
    config.insert("username".to_owned(), reference.clone());
    vault
        .open("a", &["api_token".to_owned()], &mut config)
        .unwrap();
    assert_eq!(config["username"], reference);
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
