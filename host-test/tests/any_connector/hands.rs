//! Files that others have a hand in: rows are not written to them, and a secret in one is warned of.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use super::shop::{Shop, lines};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn rows_are_not_written_where_others_have_a_hand_in() {
    let shop = Shop::open(&super::snapshot(&super::orders(0..2)));
    let path = |name: &str| shop.folder.path().join(name);
    for folder in ["planted", "open", "linked"] {
        fs::create_dir(path(folder)).unwrap();
    }
    for file in ["planted/order.jsonl", "planted.sqlite"] {
        fs::write(path(file), "").unwrap();
        set_mode(&path(file), 0o666);
    }
    set_mode(&path("open"), 0o777);
    for file in ["linked/order.jsonl", "linked.sqlite", "beside.sqlite-wal"] {
        fs::hard_link(path("config.json"), path(file)).unwrap();
    }
    let config = fs::read(path("config.json")).unwrap();
    symlink(path("nowhere"), path("dangling")).unwrap();
    for (to, said) in [
        (shop.path("jsonl:", "planted"), "chmod 600"),
        (shop.path("sqlite:", "planted.sqlite"), "chmod 600"),
        (shop.path("jsonl:", "open"), "chmod go-w"),
        (shop.path("jsonl:", "linked"), "hard link"),
        (shop.path("sqlite:", "linked.sqlite"), "hard link"),
        (shop.path("sqlite:", "beside.sqlite"), "hard link"),
        (
            shop.path("jsonl:", "dangling"),
            "is a symbolic link to no folder",
        ),
        (shop.path("jsonl:", "config.json"), "is not a folder"),
    ] {
        let output = shop.sync(&["--to", &to]);
        let error = lines(&output.stdout).pop().unwrap();
        assert_eq!(error["kind"], "invalid_config", "{to}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(said), "{to}: {message}");
    }
    assert_eq!(shop.requests(), 0);
    assert_eq!(fs::read(path("config.json")).unwrap(), config);
    assert!(!path("nowhere").exists());
}

/// A group that reads the rows was chosen by their owner. Everybody was perhaps not.
#[test]
fn a_file_of_ones_own_keeps_its_permissions() {
    let shop = Shop::open(&super::snapshot(&super::orders(0..2)));
    let path = |name: &str| shop.folder.path().join(name);
    fs::create_dir(path("rows")).unwrap();
    for (to, file) in [
        (shop.path("jsonl:", "rows"), "rows/order.jsonl"),
        (shop.path("sqlite:", "rows.sqlite"), "rows.sqlite"),
    ] {
        fs::write(path(file), "").unwrap();
        for (chosen, warned) in [(0o640, false), (0o644, true)] {
            set_mode(&path(file), chosen);
            let output = shop.sync(&["--to", &to]);
            assert!(output.status.success(), "{to}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.contains("chmod o-r"), warned, "{to}: {said}");
            let mode = fs::metadata(path(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, chosen, "{to}");
        }
    }
}

#[test]
fn a_secret_that_others_can_read_is_warned_of() {
    let shop = Shop::open(&[]);
    let token = shop.file("token", "sk_secret2");
    let named = json!({ "shop": shop.url, "api_key": { "file": token } });
    let named = shop.file("named.json", &named.to_string());
    for (mode, warned) in [(0o600, false), (0o644, true)] {
        set_mode(Path::new(&token), mode);
        for words in [&["--token-file", &*token][..], &["--config", &*named]] {
            let mut command = shop.command(super::HOST_TEST, &["sync"]);
            if words[0] != "--config" {
                command.args(["--config", "config.json"]);
            }
            command.args(words).arg("--component").arg(&shop.component);
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.contains("chmod 600"), warned, "{words:?}: {said}");
        }
    }
}
