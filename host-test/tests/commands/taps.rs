//! The commands for Airbyte and Singer as their callers run them: files in, lines and an exit status out.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mock_confluence::Mock;
use serde_json::{Value, json};

use super::signals::{LONGEST, send};
use super::{lines, mock};

const SOURCE: &str = env!("CARGO_BIN_EXE_source-confluence-cloud");
const TAP: &str = env!("CARGO_BIN_EXE_tap-confluence-cloud");
const TOKEN: &str = "ATATT3xwrongandsecret";

/// A file that goes with the test's own folder.
fn file(test: &str, name: &str, content: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), content).unwrap();
    folder.join(name)
}

/// Airbyte and Singer run in a platform, where loopback is the operator's to allow.
fn program_on_loopback(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("CONNECTOR_ALLOW_LOOPBACK", "1");
    command.env_remove("CONFLUENCE_API_TOKEN");
    command
}

fn call(program: &str, words: &[&str], files: &[(&str, &PathBuf)]) -> Output {
    let mut command = program_on_loopback(program);
    command.args(words);
    for (option, file) in files {
        command.arg(option).arg(file);
    }
    command.output().unwrap()
}

/// A configuration whose later runs read what changed and no slice of the rest.
fn changes_alone(mock: &Mock) -> String {
    let mut config = mock.config_json();
    config["refresh_days"] = json!(0);
    config.to_string()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// Every stream that `discover` lists, incremental where it can be.
fn configured() -> Value {
    let catalog = lines(&call(SOURCE, &["discover"], &[]).stdout);
    let streams = catalog[0]["catalog"]["streams"].as_array().unwrap().clone();
    let streams: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            let mode = stream["supported_sync_modes"]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .clone();
            json!({ "stream": stream, "sync_mode": mode, "destination_sync_mode": "append_dedup" })
        })
        .collect();
    json!({ "streams": streams })
}

fn statuses(lines: &[Value], stream: &str) -> Vec<String> {
    let status = |line: &&Value| {
        let status = &line["trace"]["stream_status"];
        let of_stream = status["stream_descriptor"]["name"] == stream;
        of_stream.then(|| status["status"].as_str().unwrap().to_owned())
    };
    of_type(lines, "TRACE").iter().filter_map(status).collect()
}

#[test]
fn airbyte_reads_once_and_then_what_changed() {
    let mock = mock(30);
    let config = file("airbyte", "config.json", &changes_alone(&mock));
    let catalog = file("airbyte", "catalog.json", &configured().to_string());
    let checked = call(SOURCE, &["check"], &[("--config", &config)]);
    assert_eq!(
        lines(&checked.stdout)[0]["connectionStatus"]["status"],
        "SUCCEEDED"
    );

    let files = [("--config", &config), ("--catalog", &catalog)];
    let first = call(SOURCE, &["read"], &files);
    assert!(first.status.success());
    let said = lines(&first.stdout);
    assert_eq!(statuses(&said, "pages"), ["STARTED", "RUNNING", "COMPLETE"]);
    let pages = |said: &[Value]| {
        of_type(said, "RECORD")
            .iter()
            .filter(|line| line["record"]["stream"] == "pages")
            .count()
    };
    assert_eq!(pages(&said), 30);
    let rows = |line: &&Value| line["state"]["sourceStats"]["recordCount"].as_f64();
    let counted: Option<f64> = of_type(&said, "STATE").iter().map(rows).sum();
    let records = u32::try_from(of_type(&said, "RECORD").len()).unwrap();
    assert_eq!(counted, Some(f64::from(records)), "states count all rows");

    let id = mock.with_corpus(|corpus| {
        let mut pages = corpus.pages.iter();
        let id = pages
            .find(|page| page.status == "current")
            .unwrap()
            .id
            .clone();
        corpus
            .edit_page(&id, "2026-10-15T00:00:00.000Z", "editor")
            .unwrap();
        id
    });
    let said: Vec<_> = of_type(&said, "STATE")
        .into_iter()
        .map(Value::to_string)
        .collect();
    let state = file("airbyte", "state.json", &said.join("\n"));
    let second = call(
        SOURCE,
        &["read"],
        &[files[0], files[1], ("--state", &state)],
    );
    let said = lines(&second.stdout);
    assert_eq!(pages(&said), 1, "one page changed");
    assert!(
        said.iter()
            .any(|line| line["record"]["data"]["source_id"] == json!(id))
    );
}

#[test]
fn airbyte_is_told_who_must_act() {
    let mock = mock(5);
    let mut wrong = mock.config_json();
    wrong["api_token"] = json!(TOKEN);
    let config = file("refused", "config.json", &wrong.to_string());
    let catalog = file("refused", "catalog.json", &configured().to_string());
    let read = call(
        SOURCE,
        &["read"],
        &[("--config", &config), ("--catalog", &catalog)],
    );
    assert_eq!(read.status.code(), Some(1));
    let said = lines(&read.stdout);
    assert_eq!(statuses(&said, "pages"), ["STARTED", "INCOMPLETE"]);
    let error = &said.last().unwrap()["trace"]["error"];
    assert_eq!(error["failure_type"], "config_error", "{error}");

    let checked = call(SOURCE, &["check"], &[("--config", &config)]);
    assert!(checked.status.success(), "a failed check is an answer");
    assert_eq!(
        lines(&checked.stdout)[0]["connectionStatus"]["status"],
        "FAILED"
    );
    let tapped = call(TAP, &[], &[("--config", &config)]);
    assert_eq!(tapped.status.code(), Some(1));
    let log = String::from_utf8_lossy(&tapped.stderr);
    assert!(log.contains("CRITICAL invalid_credentials: "), "{log}");
    for output in [&read, &checked, &tapped] {
        for bytes in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(bytes).contains(TOKEN));
        }
    }

    wrong.as_object_mut().unwrap().remove("api_token");
    let config = file("refused", "config.json", &wrong.to_string());
    let checked = call(SOURCE, &["check"], &[("--config", &config)]);
    let status = &lines(&checked.stdout)[0]["connectionStatus"];
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("api_token is missing"), "{message}");
}

#[test]
fn singer_reads_what_is_chosen_and_then_what_changed() {
    let mock = mock(30);
    let config = file("singer", "config.json", &changes_alone(&mock));
    let mut catalog = lines(&call(TAP, &["--discover"], &[]).stdout).remove(0);
    for stream in catalog["streams"].as_array_mut().unwrap() {
        let wanted = stream["tap_stream_id"] == "users" || stream["tap_stream_id"] == "pages";
        for entry in stream["metadata"].as_array_mut().unwrap() {
            let email = entry["breadcrumb"] == json!(["properties", "email"]);
            let key = entry["breadcrumb"] == json!(["properties", "source_id"]);
            entry["metadata"]["selected"] = json!(wanted && !email && !key);
            // Other tools write catalogs without it.
            entry["metadata"]
                .as_object_mut()
                .unwrap()
                .remove("inclusion");
        }
    }
    let catalog = file("singer", "catalog.json", &catalog.to_string());
    let files = [("--config", &config), ("--properties", &catalog)];
    let first = call(TAP, &[], &files);
    assert!(first.status.success());
    let said = lines(&first.stdout);
    let schemas = of_type(&said, "SCHEMA");
    assert_eq!(schemas.len(), 2);
    let records = of_type(&said, "RECORD");
    for schema in schemas {
        assert_eq!(schema["key_properties"], json!(["source_id"]));
        let properties = &schema["schema"]["properties"];
        assert!(properties.get("source_id").is_some(), "{schema}");
    }
    assert!(
        records
            .iter()
            .all(|line| line["record"]["source_id"].is_string()),
        "keys are sent whatever is chosen"
    );
    assert!(
        records
            .iter()
            .all(|line| line["record"].get("email").is_none())
    );
    assert!(records.iter().any(|line| line["stream"] == "users"));
    assert_eq!(
        records
            .iter()
            .filter(|line| line["stream"] == "pages")
            .count(),
        30
    );
    assert!(
        String::from_utf8(first.stderr)
            .unwrap()
            .contains("INFO METRIC: ")
    );

    let last = of_type(&said, "STATE").last().unwrap()["value"].to_string();
    let state = file("singer", "state.json", &last);
    let second = call(TAP, &[], &[files[0], files[1], ("--state", &state)]);
    assert!(second.status.success());
    assert_eq!(
        of_type(&lines(&second.stdout), "RECORD"),
        Vec::<&Value>::new()
    );
}

#[cfg(unix)]
#[test]
fn a_scheduler_s_signal_ends_a_read_with_a_state_to_go_on_from() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::os::unix::process::ExitStatusExt as _;
    let mock = mock(3_000);
    let config = file("signal", "config.json", &mock.config_json().to_string());
    let catalog = file("signal", "catalog.json", &configured().to_string());
    let mut command = program_on_loopback(SOURCE);
    command
        .arg("read")
        .arg("--config")
        .arg(&config)
        .arg("--catalog")
        .arg(&catalog);
    let mut source = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(source.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains(r#""type":"STATE""#) {
        text.clear();
        out.read_line(&mut text).unwrap();
    }
    send("TERM", &source);
    text.clear();
    out.read_to_string(&mut text).unwrap();
    assert_eq!(source.wait().unwrap().signal(), Some(15));
    let said = lines(text.as_bytes());
    assert!(!statuses(&said, "pages").contains(&"COMPLETE".to_owned()));
}

/// A check has no state to leave behind, and an answer that is not known is none.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_check_of_a_service_that_does_not_answer() {
    use std::os::unix::process::ExitStatusExt as _;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = mock(1).config_json();
    let address = silent.local_addr().unwrap();
    config["base_url"] = json!(format!("http://{address}/ex/confluence/1"));
    let config = file("signal-check", "config.json", &config.to_string());
    for (signal, number) in [("TERM", 15), ("INT", 2)] {
        let mut command = program_on_loopback(SOURCE);
        command.arg("check").arg("--config").arg(&config);
        let source = command.stdout(Stdio::piped()).spawn().unwrap();
        let _asked = silent.accept().unwrap();
        let signalled = Instant::now();
        send(signal, &source);
        let output = source.wait_with_output().unwrap();
        assert!(signalled.elapsed() < LONGEST, "{signal}");
        assert_eq!(output.status.signal(), Some(number), "{signal}");
        assert!(output.stdout.is_empty(), "{:?}", lines(&output.stdout));
    }
}

/// A configuration that is still being written, or that nobody writes.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_command_that_waits_for_its_configuration() {
    use std::os::unix::process::ExitStatusExt as _;
    for (program, words) in [(SOURCE, &["check"][..]), (TAP, &[])] {
        let mut command = program_on_loopback(program);
        command.args(words).args(["--config", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut waiting = command.spawn().unwrap();
        thread::sleep(Duration::from_secs(2));
        send("TERM", &waiting);
        let signalled = Instant::now();
        while waiting.try_wait().unwrap().is_none() && signalled.elapsed() < LONGEST {
            thread::sleep(Duration::from_millis(20));
        }
        let ended = waiting.try_wait().unwrap();
        drop(waiting.stdin.take());
        assert_eq!(
            ended.and_then(|status| status.signal()),
            Some(15),
            "{program}"
        );
    }
}

/// The kind is told as for every failure; the status says that the caller has to call differently.
#[test]
fn a_file_that_cannot_be_read_is_a_matter_of_usage() {
    let config = file(
        "unreadable",
        "config.json",
        &mock(1).config_json().to_string(),
    );
    let odd = file("unreadable", "odd.json", "[1]");
    let missing = config.with_file_name("missing.json");
    let read = |files: &[(&str, &PathBuf)]| call(SOURCE, &["read"], files);
    let tap = |files: &[(&str, &PathBuf)]| call(TAP, &[], files);
    for (output, status) in [
        (read(&[("--config", &missing), ("--catalog", &odd)]), 2),
        (read(&[("--config", &config), ("--catalog", &missing)]), 2),
        (read(&[("--config", &config), ("--catalog", &odd)]), 1),
        (tap(&[("--config", &missing)]), 2),
        (tap(&[("--config", &config), ("--catalog", &missing)]), 2),
        (tap(&[("--config", &config), ("--token-file", &missing)]), 2),
        (tap(&[("--config", &config), ("--component", &missing)]), 2),
        (tap(&[("--config", &config), ("--catalog", &odd)]), 1),
    ] {
        let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{words}");
        let named = if status == 2 {
            "missing.json"
        } else {
            "odd.json"
        };
        assert!(words.contains(named), "{words}");
    }
}

#[test]
fn the_help_has_examples_and_exit_statuses() {
    for program in [SOURCE, TAP] {
        let help = call(program, &["--help"], &[]).stdout;
        let help = String::from_utf8(help).unwrap();
        for part in [
            "Exit status:",
            "  2  a wrong option",
            "--config config.json",
        ] {
            assert!(help.contains(part), "{help}");
        }
    }
}
