//! `host-test sync`, killed and misused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mock_confluence::{Mock, MockOptions};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

use super::{HOST_TEST, corpus, folder, host_test, lines, mock};

const TABLES: [&str; 7] = [
    "spaces",
    "pages",
    "page_versions",
    "page_labels",
    "page_views",
    "page_content_states",
    "users",
];

/// All rows of all streams, as text.
fn rows(file: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let database = Connection::open(file).unwrap();
    let of_table = |table| {
        let sql = format!("SELECT * FROM confluence_{table}");
        let mut statement = database.prepare(&sql).unwrap();
        // When views were read differs from run to run.
        let compared = |(_, name): &(usize, &str)| *name != "read_at";
        let columns = statement.column_names().enumerate();
        let columns: Vec<_> = columns.filter(compared).map(|(index, _)| index).collect();
        let row = |row: &rusqlite::Row<'_>| {
            let values = columns
                .iter()
                .map(|column| match row.get_ref(*column).unwrap() {
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                });
            Ok(values.collect::<Vec<_>>().join(","))
        };
        let rows = statement.query_map([], row).unwrap();
        let mut rows: Vec<_> = rows.map(Result::unwrap).collect();
        rows.sort();
        (table, rows)
    };
    TABLES.into_iter().map(of_table).collect()
}

/// Compares table by table and row by row, so that a failure names the rows.
pub(crate) fn assert_same(found: &str, expected: &str) {
    let (found, expected) = (rows(Path::new(found)), rows(Path::new(expected)));
    for table in TABLES {
        let (found, expected) = (&found[table], &expected[table]);
        let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).collect();
        let extra: Vec<_> = found.iter().filter(|row| !expected.contains(row)).collect();
        assert!(
            missing.is_empty() && extra.is_empty() && found.len() == expected.len(),
            "{table}: {} missing, such as {:?}; {} too many, such as {:?}",
            missing.len(),
            missing.first(),
            extra.len(),
            extra.first()
        );
    }
}

pub(crate) fn start(words: &[&str]) -> Child {
    let mut command = Command::new(HOST_TEST);
    command.arg("sync").args(words).stderr(Stdio::null());
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// Kills the process as soon as the mock has had so many more requests; says whether it was still running.
fn kill_after(requests: u64, mock: &Mock, mut process: Child) -> bool {
    let until = mock.request_count() + requests;
    while mock.request_count() < until {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    true
}

fn slow_mock() -> Mock {
    let latency = Duration::from_millis(2);
    Mock::start(MockOptions {
        latency,
        ..MockOptions::new(corpus(400))
    })
    .unwrap()
}

/// SIGKILL leaves no time for anything. What SQLite holds is what was committed, and the rest comes next time.
#[test]
fn killed_twenty_times_it_loses_nothing_and_repeats_little() {
    for keeps_state in [true, false] {
        let folder = folder(if keeps_state {
            "killed"
        } else {
            "killed-with-state"
        });
        let path = |name: &str| folder.join(name).display().to_string();
        let mock = slow_mock();
        std::fs::write(path("config"), mock.config_json().to_string()).unwrap();
        let whole = format!("sqlite:{}", path("whole.sqlite"));
        let (config, state) = (path("config"), path("state"));
        assert!(
            host_test(&["sync", "--config", &config, "--to", &whole])
                .status
                .success()
        );
        let undisturbed = mock.request_count();

        let killed = format!("sqlite:{}", path("killed.sqlite"));
        let mut words = vec!["--config", &config, "--to", &killed];
        if !keeps_state {
            words.extend(["--state", &state]);
        }
        let mut random = fastrand::Rng::with_seed(7);
        let mut kills = 0;
        while kills < 20 && kill_after(random.u64(1..undisturbed / 14), &mock, start(&words)) {
            kills += 1;
        }
        assert!(start(&words).wait().unwrap().success());
        let requests = mock.request_count() - undisturbed;
        assert!(kills >= 15, "{kills} kills");
        assert!(
            requests * 10 < undisturbed * 13,
            "{kills} kills: {requests} requests in place of {undisturbed}"
        );
        assert_same(&path("killed.sqlite"), &path("whole.sqlite"));
    }
}

/// A state file that belongs to other rows than those in the database: nothing may be swept for its sake.
#[test]
fn a_state_of_another_run_sweeps_nothing() {
    let folder = folder("foreign-state");
    let path = |name: &str| folder.join(name).display().to_string();
    let mock = mock(60);
    std::fs::write(path("config"), mock.config_json().to_string()).unwrap();
    let (config, state) = (path("config"), path("state"));
    let database = format!("sqlite:{}", path("rows.sqlite"));
    assert!(
        host_test(&["sync", "--config", &config, "--to", &database])
            .status
            .success()
    );
    let before = rows(Path::new(&path("rows.sqlite")));

    // Half of a run into lines, resumed into the database.
    let said = host_test(&["sync", "--config", &config, "--state", &state]).stdout;
    let checkpoints: Vec<Value> = lines(&said)
        .into_iter()
        .filter(|line| line["type"] == "checkpoint")
        .collect();
    let middle = checkpoints[checkpoints.len() / 2]["state"]
        .as_str()
        .unwrap();
    std::fs::write(&state, middle).unwrap();
    let words = [
        "sync", "--config", &config, "--state", &state, "--to", &database,
    ];
    assert!(host_test(&words).status.success());
    assert_eq!(rows(Path::new(&path("rows.sqlite"))), before);
}

#[test]
fn what_is_wrong_is_told_as_a_line_of_json_and_a_status() {
    let folder = folder("wrong");
    let path = |name: &str| folder.join(name).display().to_string();
    let mock = mock(5);
    let good = mock.config_json();
    let with = |field: &str, value: Value| {
        let mut config = good.clone();
        config[field] = value;
        config.to_string()
    };
    std::fs::write(path("good"), good.to_string()).unwrap();
    std::fs::write(path("token"), with("api_token", json!("ATATT3xwrong"))).unwrap();
    std::fs::write(path("page-size"), with("page_size", json!(0))).unwrap();
    std::fs::write(path("not-text"), [0xff, 0xfe]).unwrap();
    let nowhere = format!("sqlite:{}", path("no/such/folder/file"));
    for (config, more, kind) in [
        ("token", &[][..], "invalid_credentials"),
        ("page-size", &[], "invalid_config"),
        ("good", &["--state", &path("not-text")], "invalid_state"),
        ("good", &["--state", &path("token")], "invalid_state"),
        (
            "good",
            &["--state", &folder.display().to_string()],
            "invalid_state",
        ),
        ("good", &["--to", &nowhere], "invalid_config"),
    ] {
        let config = path(config);
        let words = [&["sync", "--config", &config][..], more].concat();
        let output = host_test(&words);
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(
            (&last["type"], &last["kind"]),
            (&json!("error"), &json!(kind)),
            "{last}"
        );
        assert_eq!(output.status.code(), Some(1), "{last}");
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(said).unwrap().contains("ATATT3xwrong"));
    }
    assert_eq!(
        std::fs::read(path("not-text")).unwrap(),
        [0xff, 0xfe],
        "left as it was"
    );
    assert_eq!(
        host_test(&["sync", "--config", "/no/such/file"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(
        host_test(&["sync", "--config", &path("good"), "--streams", "x"])
            .status
            .code(),
        Some(2)
    );
}

/// A service that sends the credentials back must not get them printed, wherever the requests are signed.
#[test]
fn credentials_sent_back_are_printed_nowhere() {
    let folder = folder("echo");
    let config = folder.join("config").display().to_string();
    let server = tiny_echo();
    let fields = json!({ "base_url": server, "username": "a@b.c", "api_token": "ATATT3xsecret", "retry": { "attempts": 0 } });
    std::fs::write(&config, fields.to_string()).unwrap();
    for more in [&[][..], &["--sign-in-host"]] {
        for command in ["sync", "validate"] {
            let output = host_test(&[&[command, "--config", &config][..], more].concat());
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            let told = if more.is_empty() {
                said.contains('…')
            } else {
                said.contains("holds the secret that signed")
            };
            assert!(told, "{command} {more:?}: {said}");
            for secret in ["ATATT3xsecret", "YUBiLmM6QVRBVFQzeHNlY3JldA"] {
                assert!(!said.contains(secret), "{command}: {said}");
            }
        }
    }
}

/// A server that answers everything with 400 and the credentials it was sent.
fn tiny_echo() -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let lines = lines.take_while(|line| !line.is_empty());
            let sent: Vec<_> = lines
                .filter(|line| line.to_lowercase().starts_with("authorization"))
                .collect();
            let body = json!({ "message": format!("no good: {} ATATT3xsecret", sent.join("")) })
                .to_string();
            let head = format!(
                "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    format!("http://{address}")
}
