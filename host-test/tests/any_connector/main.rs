//! The commands with a connector of another service: what it delivered is what arrives, wherever it goes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod hands;
mod shop;
mod unread;

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use self::shop::{Shop, lines};

const HOST_TEST: &str = env!("CARGO_BIN_EXE_host-test");
const SOURCE: &str = env!("CARGO_BIN_EXE_source-confluence-cloud");
const TAP: &str = env!("CARGO_BIN_EXE_tap-confluence-cloud");

fn snapshot(rows: &[Value]) -> Vec<Value> {
    vec![
        json!({ "call": "begin_snapshot" }),
        json!({ "call": "emit", "rows": rows }),
        json!({ "call": "checkpoint" }),
        json!({ "call": "end_snapshot" }),
        json!({ "call": "checkpoint" }),
    ]
}

fn odd_rows() -> Vec<Value> {
    vec![
        json!({
            "group": "it's\n\"quoted\"", "number": 1, "order": u64::MAX, "price": 1.5, "paid": true,
            "placed_at": "2026-01-01T00:00:00Z", "items": [1, "two"],
        }),
        json!({ "group": "b", "number": u64::MAX }),
    ]
}

fn orders(numbers: std::ops::Range<u64>) -> Vec<Value> {
    numbers
        .map(|number| json!({ "group": "g", "number": number }))
        .collect()
}

#[test]
fn every_destination_gets_what_was_delivered() {
    let shop = Shop::open(&snapshot(&odd_rows()));
    let printed = lines(&shop.sync(&[]).stdout);
    let kinds: Vec<_> = printed
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "begin_snapshot",
            "record",
            "record",
            "checkpoint",
            "finished",
            "checkpoint",
            "summary"
        ]
    );
    let rows: Vec<_> = printed[1..3]
        .iter()
        .map(|line| line["data"].clone())
        .collect();
    assert_eq!(rows, odd_rows());
    let summary = printed.last().unwrap();
    for member in [
        "rows",
        "requests",
        "waited_ms",
        "unreadable_values",
        "set_aside",
        "skipped",
        "refused_by_space",
        "swept",
        "freshness",
    ] {
        assert!(summary.get(member).is_some(), "{member}");
    }

    shop.sync(&["--to", &shop.path("jsonl:", "out")]);
    let written = lines(&std::fs::read(shop.folder.path().join("out/order.jsonl")).unwrap());
    assert_eq!(written[1]["data"], odd_rows()[0]);

    shop.sync(&["--to", &shop.path("sqlite:", "rows.sqlite")]);
    let database = rusqlite::Connection::open(shop.folder.path().join("rows.sqlite")).unwrap();
    let sql = r#"SELECT concat_ws('|', "group", CAST("number" AS TEXT), price, paid, items) FROM "order" ORDER BY price"#;
    let mut statement = database.prepare(sql).unwrap();
    let stored: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        stored,
        [
            "b|18446744073709551615",
            "it's\n\"quoted\"|1|1.5|1|[1,\"two\"]"
        ]
    );
}

#[test]
fn airbyte_and_singer_speak_for_it() {
    let shop = Shop::open(&snapshot(&odd_rows()));
    let spec = lines(&shop.adapter(SOURCE, &["spec"]).stdout);
    assert_eq!(
        spec[0]["spec"]["documentationUrl"],
        "https://example.com/shop"
    );
    let catalog =
        json!({ "streams": [{ "stream": { "name": "order" }, "sync_mode": "incremental" }] });
    let catalog = shop.file("catalog.json", &catalog.to_string());
    let state = shop.file("state.json", "null");
    let config = shop.path("", "config.json");
    let read = shop.adapter(
        SOURCE,
        &[
            "read",
            "--config",
            &config,
            "--catalog",
            &catalog,
            "--state",
            &state,
        ],
    );
    assert!(read.status.success());
    let records = lines(&read.stdout)
        .into_iter()
        .filter(|line| line["type"] == "RECORD");
    let records: Vec<_> = records.map(|line| line["record"]["data"].clone()).collect();
    assert_eq!(records, odd_rows());

    let tapped = lines(&shop.adapter(TAP, &["--config", &config]).stdout);
    let version = tapped[1]["version"].as_i64().unwrap();
    let activated = tapped
        .iter()
        .find(|line| line["type"] == "ACTIVATE_VERSION")
        .unwrap();
    assert_eq!(activated["version"], version);
}

#[test]
fn loopback_is_the_operators_to_allow() {
    let shop = Shop::open(&[]);
    let mut command = shop.command(TAP, &["--config", &shop.path("", "config.json")]);
    let output = command
        .env_remove("CONNECTOR_ALLOW_LOOPBACK")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(shop.requests(), 0);
}

#[test]
fn a_close_that_deletes_too_much_waits_for_permission() {
    let shop = Shop::open(&snapshot(&orders(0..100)));
    let to = shop.path("sqlite:", "rows.sqlite");
    assert!(shop.sync(&["--to", &to]).status.success());
    shop.deliver(&snapshot(&orders(0..50)));
    let refused = shop.sync(&["--to", &to]);
    assert_eq!(refused.status.code(), Some(1));
    let error = lines(&refused.stdout).pop().unwrap();
    assert_eq!(error["kind"], "invalid_config");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("order (50 of 100 rows)") && message.contains("--max-delete"),
        "{message}"
    );
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--max-delete"));
    let waiting = json!({ "order": { "rows": 50, "of": 100 } });
    assert_eq!(error["refused_closes"], waiting);

    // What was said once is no failure of a run that comes later.
    shop.deliver(&[json!({ "call": "checkpoint" })]);
    let reminded = shop.sync(&["--to", &to]);
    assert!(reminded.status.success());
    let summary = lines(&reminded.stdout).pop().unwrap();
    assert_eq!(summary["refused_closes"], waiting);
    let warned = String::from_utf8_lossy(&reminded.stderr);
    assert!(warned.contains("order (50 of 100 rows)"), "{warned}");

    let allowed = shop.sync(&["--to", &to, "--max-delete", "100"]);
    let summary = lines(&allowed.stdout).pop().unwrap();
    assert_eq!(summary["swept"], json!({ "order": 50 }), "{summary}");
    assert_eq!(summary["refused_closes"], Value::Null);
}

/// The next run does not come to the same close again, so that this is the only one to say it.
#[test]
fn a_run_that_fails_otherwise_says_that_a_close_was_refused() {
    let shop = Shop::open(&snapshot(&orders(0..100)));
    let to = shop.path("sqlite:", "rows.sqlite");
    assert!(shop.sync(&["--to", &to]).status.success());
    let mut events = snapshot(&orders(0..50));
    events.push(json!({ "fail": "the till is empty" }));
    shop.deliver(&events);
    let failed = shop.sync(&["--to", &to]);
    assert_eq!(failed.status.code(), Some(1));
    let error = lines(&failed.stdout).pop().unwrap();
    assert_eq!(error["kind"], "other");
    let told = String::from_utf8_lossy(&failed.stderr);
    for text in [error["message"].as_str().unwrap(), &*told] {
        for said in [
            "the till is empty",
            "order (50 of 100 rows)",
            "--max-delete",
        ] {
            assert!(text.contains(said), "{text}");
        }
    }
}

/// A full run that fails early has begun a snapshot of which the next run's state knows nothing.
#[test]
fn a_folder_forgets_the_snapshot_of_a_run_that_reached_no_checkpoint() {
    let shop = Shop::open(&snapshot(&orders(0..2)));
    let to = shop.path("jsonl:", "rows");
    assert!(shop.sync(&["--to", &to]).status.success());
    let path = shop.folder.path().join("rows/order.jsonl");
    let before = std::fs::read(&path).unwrap();
    shop.deliver(&[
        json!({ "call": "begin_snapshot" }),
        json!({ "call": "emit", "rows": orders(0..1) }),
        json!({ "fail": "the till is empty" }),
    ]);
    assert_eq!(shop.sync(&["--to", &to]).status.code(), Some(1));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    shop.deliver(&[
        json!({ "call": "end_snapshot" }),
        json!({ "call": "checkpoint" }),
    ]);
    assert!(shop.sync(&["--to", &to]).status.success());
    let begun = lines(&std::fs::read(&path).unwrap());
    let begun = begun.iter().filter(|line| line["type"] == "begin_snapshot");
    assert_eq!(begun.count(), 1);
}

/// What the destination has not written yet when the host ends a run is not written behind the last line.
#[test]
fn the_error_is_the_last_line_after_a_limit() {
    let mut events = snapshot(&[])[..1].to_vec();
    events.extend((0..60).map(|number| {
        let rows = orders(number * 1000..(number + 1) * 1000);
        json!({ "call": "emit", "rows": rows })
    }));
    let huge = json!({ "group": "g", "number": 0, "items": ["x".repeat(9 << 20)] });
    events.push(json!({ "call": "emit", "rows": [huge] }));
    let shop = Shop::open(&events);
    for _ in 0..8 {
        let last = lines(&shop.sync(&[]).stdout).pop().unwrap();
        assert_eq!(
            (&last["type"], &last["kind"]),
            (&json!("error"), &json!("other"))
        );
    }
}

#[test]
fn files_of_others_and_links_are_refused_before_any_request() {
    let shop = Shop::open(&[]);
    let path = shop.folder.path();
    let other = rusqlite::Connection::open(path.join("other.sqlite")).unwrap();
    other.execute_batch(r#"CREATE TABLE "order" (x)"#).unwrap();
    std::os::unix::fs::symlink(path.join("target"), path.join("link")).unwrap();
    for (words, kind) in [
        (
            ["--to", &shop.path("sqlite:", "other.sqlite")],
            "invalid_config",
        ),
        (["--state", &shop.path("", "link")], "invalid_state"),
    ] {
        let output = shop.sync(&words);
        assert_eq!(lines(&output.stdout).pop().unwrap()["kind"], kind);
    }
    assert_eq!(shop.requests(), 0);
}

#[test]
fn a_reader_that_goes_away_ends_the_process_and_a_closed_output_is_an_error() {
    let many: Vec<_> = (0..50)
        .flat_map(|part| snapshot(&orders(part * 1000..(part + 1) * 1000)))
        .collect();
    let shop = Shop::open(&many);
    let sync = shop.shell_sync("| head -1 > /dev/null; echo ${PIPESTATUS[0]}");
    assert_eq!(String::from_utf8_lossy(&sync.stdout).trim(), "141");
    assert!(
        sync.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&sync.stderr)
    );
    let closed = shop.shell_sync(">&-");
    assert_eq!(closed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&closed.stderr).contains("standard output is closed"));
}

#[test]
fn a_signal_ends_a_run_whose_service_has_stalled() {
    for (program, expected) in [(HOST_TEST, "1"), (TAP, "143")] {
        let shop = Shop::stalled();
        let words = if program == HOST_TEST { "sync" } else { "" };
        let script = format!(
            "{program} {words} $ARGUMENTS > /dev/null & while [ ! -s requests ]; do sleep 0.02; done; kill $!; wait $!; echo $?"
        );
        let started = std::time::Instant::now();
        let output = shop.shell(&script);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected);
        assert!(started.elapsed().as_secs() < 4);
    }
}

/// What a caller relies on has its type, and what the host counts is the host's.
#[test]
fn a_summary_keeps_its_shape_whatever_the_component_says() {
    let shop = Shop::open(&[json!({ "summary": {
        "rows": "many", "requests": 999, "swept": { "order": 7 }, "refused_closes": 1, "waited_ms": "5",
        "unreadable_values": -1, "set_aside": "none", "skipped": [1], "refused_by_space": { "A": 1 },
        "freshness": "fresh", "type": "record", "besides": true,
    } })]);
    let output = shop.sync(&[]);
    let summary = lines(&output.stdout).pop().unwrap();
    for (name, value) in [
        ("type", json!("summary")),
        ("rows", json!({})),
        ("requests", json!(1)),
        ("swept", json!({})),
        ("refused_closes", Value::Null),
        ("waited_ms", json!(0)),
        ("unreadable_values", json!(0)),
        ("set_aside", json!([])),
        ("skipped", json!([])),
        ("refused_by_space", json!({})),
        ("freshness", Value::Null),
        ("besides", json!(true)),
    ] {
        assert_eq!(summary[name], value, "{name}");
    }
    let warned = String::from_utf8_lossy(&output.stderr);
    assert_eq!(warned.matches("summary").count(), 1, "{warned}");
    assert!(warned.contains("set_aside, skipped"), "{warned}");
}

#[test]
fn the_token_comes_from_wherever_the_user_keeps_it() {
    let shop = Shop::open(&[]);
    let config = json!({ "shop": shop.url });
    shop.file("config.json", &config.to_string());
    let mut by_variable = shop.command(
        HOST_TEST,
        &["sync", "--config", &shop.path("", "config.json")],
    );
    by_variable.arg("--component").arg(&shop.component);
    by_variable
        .env("CONFLUENCE_API_TOKEN", "variable1")
        .output()
        .unwrap();
    assert_eq!(shop.last_authorization(), "Bearer variable1");
    let token = shop.file("token", "file-token1\n");
    shop.sync(&["--token-file", &token, "--sign-in-host"]);
    assert_eq!(shop.last_authorization(), "Bearer file-token1");
    let odd = shop.file("token", "file\u{200b}token");
    let refused = shop.sync(&["--token-file", &odd]);
    let error = lines(&refused.stdout).pop().unwrap();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("U+200B at place 5"),
        "{error}"
    );
}

#[test]
fn wrong_words_are_two_and_files_that_are_no_components_one() {
    for (words, code) in [
        (&["streams", "--component", "/no/such"][..], 2),
        (&["sync", "--config", "/no/such"], 2),
        (&["demo", "--component", "x"], 2),
        (&["streams", "--component", file!()], 1),
        (&["completions", "bash"], 0),
        (&["man"], 0),
    ] {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut command = Command::new(HOST_TEST);
        let output = command
            .args(words)
            .current_dir(root)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}");
    }
}
