//! Files that somebody else prepared.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use connector_runtime::destination::Destination as _;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::testing::{orders, rows};

fn open(file: &Path) -> Result<Sqlite> {
    Sqlite::open(file, "shop", &[orders()], SqliteOptions::default())
}

/// A file with two orders.
fn filled() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sqlite");
    let mut sqlite = open(&file).unwrap();
    let order = |number| json!({ "group": "a", "number": number });
    sqlite.write(rows("order", [order(1), order(2)])).unwrap();
    sqlite.checkpoint("state").unwrap();
    (folder, file)
}

/// Makes the table anew, in other words.
fn remade(file: &Path, from: &str, to: &str) {
    let database = Connection::open(file).unwrap();
    let sql = "SELECT sql FROM sqlite_master WHERE name = 'order'";
    let made: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
    let changed = made.replace(from, to);
    assert_ne!(made, changed);
    database.execute_batch(r#"DROP TABLE "order""#).unwrap();
    database.execute_batch(&changed).unwrap();
}

#[test]
fn no_row_replaces_one_with_another_key() {
    for (from, to) in [
        (
            r#""price" REAL"#,
            r#""price" REAL UNIQUE ON CONFLICT REPLACE"#,
        ),
        (
            r#""price" REAL"#,
            r#""price" REAL UNIQUE ON CONFLICT IGNORE"#,
        ),
        (r#""group" TEXT"#, r#""group" TEXT COLLATE NOCASE"#),
        (r#""group" TEXT"#, r#""group" TEXT COLLATE RTRIM"#),
    ] {
        let (_folder, file) = filled();
        remade(&file, from, to);
        let error = format!("{:#}", open(&file).unwrap_err());
        assert!(error.contains("would replace each other"), "{to}: {error}");
    }
    for index in [
        r#"CREATE UNIQUE INDEX odd ON "order" ("price")"#,
        r#"CREATE UNIQUE INDEX odd ON "order" (1) WHERE "number" > 1"#,
        "CREATE UNIQUE INDEX odd ON _streams (connector)",
    ] {
        let (_folder, file) = filled();
        let database = Connection::open(&file).unwrap();
        database.execute_batch(index).unwrap();
        let error = format!("{:#}", open(&file).unwrap_err());
        assert!(error.contains("a further constraint, odd"), "{error}");
        database.execute_batch("DROP INDEX odd").unwrap();
        let harmless = r#"CREATE INDEX mine ON "order" ("price")"#;
        database.execute_batch(harmless).unwrap();
        open(&file).unwrap();
    }
}

#[test]
fn every_name_is_that_of_a_file() {
    for name in [
        ":memory:",
        "file::memory:?cache=shared",
        "file:x?mode=memory",
    ] {
        let path = literal(Path::new(name));
        assert_eq!(path, Path::new(".").join(name));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        open(&file).unwrap().checkpoint("state").unwrap();
        let kept = open(&file).unwrap().state().unwrap();
        assert_eq!(kept.as_deref(), Some("state"), "{name}");
    }
}

/// SQLite takes them for what a transaction has written, or is to undo.
#[cfg(unix)]
#[test]
fn files_of_others_beside_it_are_refused() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    for suffix in ["-wal", "-shm", "-journal"] {
        let (folder, file) = filled();
        let beside = folder.path().join(format!("rows.sqlite{suffix}"));
        fs::write(&beside, "").unwrap();
        check_beside(&file).unwrap();
        fs::set_permissions(&beside, PermissionsExt::from_mode(0o666)).unwrap();
        check_beside(&file).unwrap_err();
        fs::set_permissions(&beside, PermissionsExt::from_mode(0o600)).unwrap();
        let other = folder.path().join("other");
        fs::hard_link(&beside, &other).unwrap();
        check_beside(&file).unwrap_err();
        fs::remove_file(&other).unwrap();
        // Root alone can give a file away.
        if chown(&beside, Some(1234), None).is_ok() {
            let error = open(&file).unwrap_err().to_string();
            assert!(error.contains("belongs to another user"), "{error}");
            // Whoever has the database has these files, too.
            chown(&file, Some(1234), None).unwrap();
            check_beside(&file).unwrap();
        }
        fs::remove_file(&beside).unwrap();
        symlink(&file, &beside).unwrap();
        check_beside(&file).unwrap_err();
    }
}
