//! Files as people and orchestrators have them: configurations, tokens, states.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mock_confluence::Mock;
use serde_json::{Value, json};

use super::{HOST_TEST, folder, lines, mock, write_config};

const SOURCE: &str = env!("CARGO_BIN_EXE_source-confluence-cloud");
const TAP: &str = env!("CARGO_BIN_EXE_tap-confluence-cloud");

/// A folder with a configuration for its owner alone.
fn folder_with(test: &str, config: &Value) -> PathBuf {
    let folder = folder(test);
    write_config(&folder, config);
    folder
}

fn command(program: &str, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command.env("CONNECTOR_ALLOW_LOOPBACK", "1");
    command.env_remove("CONFLUENCE_API_TOKEN");
    command
}

fn sync(folder: &Path, words: &[&str]) -> Output {
    let mut command = command(HOST_TEST, folder, &["sync", "--streams", "spaces"]);
    command.args(words).output().unwrap()
}

/// The last line of a run's data.
fn last(output: &Output) -> Value {
    lines(&output.stdout).pop().unwrap()
}

fn without_token(mock: &Mock) -> Value {
    let mut config = mock.config_json();
    config.as_object_mut().unwrap().remove("api_token");
    config
}

#[test]
fn a_configuration_comes_from_standard_input_and_from_an_editor_with_a_mark() {
    let mock = mock(3);
    let folder = folder("config-input");
    let text = format!("\u{feff}{}", mock.config_json());
    fs::write(folder.join("marked.json"), &text).unwrap();
    assert_eq!(
        last(&sync(&folder, &["--config", "marked.json"]))["type"],
        "summary"
    );
    for words in [
        &["validate", "--config", "-"][..],
        &["sync", "--streams", "spaces", "--config", "-"],
        &["plan", "--estimate", "--config", "-"],
    ] {
        let mut command = command(HOST_TEST, &folder, words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        process
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = process.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {log}");
    }
}

/// A token file wins over the configuration, which wins over the environment.
#[test]
fn the_token_is_looked_for_in_one_order() {
    let mock = mock(3);
    let good = mock.config_json()["api_token"].as_str().unwrap().to_owned();
    let with = |token: Value| {
        let mut config = without_token(&mock);
        config["api_token"] = token;
        config
    };
    let wrong = "wrong".to_owned();
    for (config, file, variable, expected) in [
        (with(json!(wrong)), Some(&good), Some(&wrong), "summary"),
        (with(json!(good)), None, Some(&wrong), "summary"),
        (
            with(json!({ "file": "kept" })),
            None,
            Some(&wrong),
            "summary",
        ),
        (without_token(&mock), None, Some(&good), "summary"),
        (
            with(json!({ "held_by_host": true })),
            None,
            Some(&good),
            "summary",
        ),
        (
            with(json!(good)),
            Some(&wrong),
            Some(&good),
            "invalid_credentials",
        ),
        (without_token(&mock), None, None, "invalid_config"),
    ] {
        let folder = folder_with("token-order", &config);
        fs::write(folder.join("kept"), format!("{good}\n")).unwrap();
        for signing in [&[][..], &["--sign-in-host"]] {
            let words = ["sync", "--streams", "spaces", "--config", "config.json"];
            let mut command = command(HOST_TEST, &folder, &words);
            command.args(signing);
            if let Some(token) = file {
                fs::write(folder.join("token"), token).unwrap();
                command.args(["--token-file", "token"]);
            }
            if let Some(token) = variable {
                command.env("CONFLUENCE_API_TOKEN", token);
            }
            let last = last(&command.output().unwrap());
            let ended = if expected == "summary" {
                &last["type"]
            } else {
                &last["kind"]
            };
            assert_eq!(ended, expected, "{config} {signing:?}: {last}");
            if expected == "invalid_config" {
                assert!(
                    last["message"].as_str().unwrap().contains("api_token"),
                    "{last}"
                );
            }
        }
    }
}

#[test]
fn an_empty_state_is_a_fresh_start() {
    let mock = mock(3);
    let folder = folder_with("empty-states", &mock.config_json());
    for text in ["", "null", "{}", " \n"] {
        fs::write(folder.join("state.json"), text).unwrap();
        let output = sync(
            &folder,
            &["--config", "config.json", "--state", "state.json"],
        );
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text:?}: {log}");
        assert!(log.contains("warn"), "{text:?}: {log}");
        let state = fs::read_to_string(folder.join("state.json")).unwrap();
        assert!(state.len() > 20, "{text:?} was replaced: {state}");
    }
    let stream = json!({ "stream": { "name": "spaces" }, "sync_mode": "full_refresh" });
    let catalog = json!({ "streams": [stream] });
    fs::write(folder.join("catalog.json"), catalog.to_string()).unwrap();
    let global = r#"[{"type":"GLOBAL","global":{"shared_state":null,"stream_states":[]}}]"#;
    let legacy = r#"{"type":"LEGACY","data":{}}"#;
    let bookmarks = r#"{"bookmarks":{}}"#;
    let read = ["read", "--catalog", "catalog.json"];
    for (program, words, text) in [
        (SOURCE, &read[..], ""),
        (SOURCE, &read, "null"),
        (SOURCE, &read, "{}"),
        (SOURCE, &read, "[]"),
        (SOURCE, &read, legacy),
        (SOURCE, &read, global),
        (TAP, &[], ""),
        (TAP, &[], "{}"),
        (TAP, &[], bookmarks),
    ] {
        fs::write(folder.join("state.json"), text).unwrap();
        let mut command = command(program, &folder, words);
        command.args(["--config", "config.json", "--state", "state.json"]);
        let output = command.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text:?}: {log}");
        assert!(log.contains("starts afresh"), "{text:?}: {log}");
        let records = lines(&output.stdout).into_iter();
        assert!(records.filter(|line| line["type"] == "RECORD").count() > 0);
    }
}

/// A container's state file is often mounted by itself: it can be written, and not be replaced.
#[cfg(target_os = "linux")]
#[test]
fn a_state_file_that_is_mounted_is_written_in_place() {
    let mock = mock(3);
    let folder = folder_with("mounted-state", &mock.config_json());
    for file in ["behind.json", "state.json"] {
        fs::write(folder.join(file), "{}").unwrap();
    }
    let mut permitted = Command::new("unshare");
    let permitted = permitted.args(["-rm", "true"]).output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        eprintln!("not tried: nobody may mount here");
        return;
    }
    let script = format!(
        "mount --bind behind.json state.json && exec {HOST_TEST} sync --streams spaces --config config.json \
         --state state.json"
    );
    let output = command("unshare", &folder, &["-rm", "sh", "-c", &script])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let state = fs::read_to_string(folder.join("behind.json")).unwrap();
    let mut checkpoints = lines(&output.stdout).into_iter();
    let checkpoint = checkpoints.rfind(|line| line["type"] == "checkpoint");
    assert_eq!(checkpoint.unwrap()["state"], state, "the last one");
}

#[test]
fn no_destination_is_touched_when_the_state_cannot_be_written() {
    let mock = mock(3);
    let folder = folder_with("linked-state", &mock.config_json());
    std::os::unix::fs::symlink("elsewhere", folder.join("state.json")).unwrap();
    let words = ["--config", "config.json", "--state", "state.json"];
    let refused = sync(&folder, &words);
    assert_eq!(last(&refused)["kind"], "invalid_state");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(mock.request_count(), 0);
    assert!(!folder.join("elsewhere").exists());
}

/// A table `users` of another program stays as it is, and no request is sent.
#[test]
fn a_database_of_another_program_is_left_alone() {
    let mock = mock(3);
    let folder = folder_with("foreign-database", &mock.config_json());
    let file = folder.join("other.sqlite");
    let other = rusqlite::Connection::open(&file).unwrap();
    let sql = "CREATE TABLE users (id INTEGER, login TEXT); INSERT INTO users VALUES (1, 'me')";
    other.execute_batch(sql).unwrap();
    drop(other);
    let before = fs::read(&file).unwrap();
    let refused = sync(
        &folder,
        &["--config", "config.json", "--to", "sqlite:other.sqlite"],
    );
    let last = last(&refused);
    assert_eq!(last["kind"], "invalid_config", "{last}");
    assert!(
        last["message"].as_str().unwrap().contains("users"),
        "{last}"
    );
    assert_eq!(mock.request_count(), 0);
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// SQLite knows names that are none of files.
#[test]
fn every_name_of_a_database_is_that_of_a_file() {
    let mock = mock(3);
    for name in [":memory:", "file::memory:", "file:rows?mode=memory"] {
        let folder = folder_with("database-names", &mock.config_json());
        let target = format!("sqlite:{name}");
        let output = sync(&folder, &["--config", "config.json", "--to", &target]);
        assert_eq!(last(&output)["type"], "summary", "{name}");
        let database = rusqlite::Connection::open(folder.join(name)).unwrap();
        let sql = "SELECT count(*) FROM spaces";
        let rows: u32 = database.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 3, "{name}");
    }
}

#[test]
fn a_report_replaces_no_database() {
    let mock = mock(3);
    let folder = folder_with("report-over-database", &mock.config_json());
    sync(
        &folder,
        &["--config", "config.json", "--to", "sqlite:rows.sqlite"],
    );
    let before = fs::read(folder.join("rows.sqlite")).unwrap();
    for page in ["rows.sqlite", "./rows.sqlite"] {
        let report = ["report", "sqlite:rows.sqlite", "--html", page];
        let refused = command(HOST_TEST, &folder, &report).output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let log = String::from_utf8_lossy(&refused.stderr);
        assert!(log.contains("name another file for the page"), "{log}");
    }
    assert_eq!(fs::read(folder.join("rows.sqlite")).unwrap(), before);
}
