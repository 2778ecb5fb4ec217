//! Signals: a run whose service has stalled ends soon, and the next one goes on from its last checkpoint.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::sync::{assert_same, start};
use super::{HOST_TEST, folder, host_test, lines, mock, write_config};

/// A second less is promised; this machine may be busy.
pub(super) const LONGEST: Duration = Duration::from_secs(3);

#[test]
fn a_stalled_run_ends_soon_and_its_last_checkpoint_is_good() {
    let folder = folder("stalled");
    let path = |name: &str| folder.join(name).display().to_string();
    let mock = mock(60);
    let config = write_config(&folder, &mock.config_json())
        .display()
        .to_string();
    let (config, whole) = (config, format!("sqlite:{}", path("whole.sqlite")));
    let words = ["sync", "--config", &config, "--to", &whole];
    assert!(host_test(&words).status.success());
    let undisturbed = mock.request_count();
    for signal in ["TERM", "INT"] {
        // No answer at all, from the middle of the run on.
        let middle = undisturbed / 2;
        mock.set_faults(vec![format!("hang:after={middle}").parse().unwrap()]);
        mock.clear_requests();
        let begun = mock.request_count();
        let database = path(&format!("{signal}.sqlite"));
        let to = format!("sqlite:{database}");
        let mut command = Command::new(HOST_TEST);
        command.args(["sync", "--config", &config, "--to", &to]);
        let run = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while mock.request_count() < begun + middle || mock.in_flight() == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let signalled = Instant::now();
        send(signal, &run);
        let output = run.wait_with_output().unwrap();
        let took = signalled.elapsed();
        assert!(took < LONGEST, "{signal}: {took:?}");
        assert_eq!(output.status.code(), Some(1), "{signal}");
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(last["kind"], "cancelled", "{last}");

        mock.set_faults(Vec::new());
        mock.clear_requests();
        let before = mock.request_count();
        let resumed = start(&["--config", &config, "--to", &to]).wait().unwrap();
        assert!(resumed.success());
        assert_same(&database, &path("whole.sqlite"));
        let requests = mock.request_count() - before;
        assert!(
            requests < undisturbed,
            "{signal}: {requests} of {undisturbed}"
        );
    }
}

/// What the destination has not written yet when a run ends is not written behind the last line.
#[test]
fn the_error_is_the_last_line_after_a_signal() {
    let folder = folder("last-line");
    let mock = mock(60);
    let config = write_config(&folder, &mock.config_json());
    let config = config.display().to_string();
    mock.set_faults(vec!["hang:after=1".parse().unwrap()]);
    for _ in 0..4 {
        let before = mock.request_count();
        let run = start_with_output(&["--config", &config]);
        while mock.request_count() == before || mock.in_flight() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        send("TERM", &run);
        let output = run.wait_with_output().unwrap();
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(
            (&last["type"], &last["kind"]),
            (&json!("error"), &json!("cancelled"))
        );
    }
}

fn start_with_output(words: &[&str]) -> Child {
    let mut command = Command::new(HOST_TEST);
    command.arg("sync").args(words);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

pub(super) fn send(signal: &str, process: &Child) {
    let mut kill = Command::new("kill");
    kill.args(["-s", signal, &process.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

/// A database that accepts connections and answers none; and one that nobody serves.
#[test]
fn a_database_that_does_not_answer_is_left_at_a_signal_and_its_password_is_in_no_output() {
    let config = write_config(&folder("silent-database"), &mock(3).config_json());
    let config = config.display().to_string();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let to = format!("postgres://user:Pa55w0rd@127.0.0.1:{port}/db");
    let start = |to: &str| {
        let mut command = Command::new(HOST_TEST);
        command.args(["sync", "--config", &config, "--to", to]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let run = start(&to);
    let _connection = silent.accept().unwrap();
    let signalled = Instant::now();
    send("TERM", &run);
    let stopped = run.wait_with_output().unwrap();
    assert!(signalled.elapsed() < LONGEST);
    drop(silent);
    let refused = start(&to).wait_with_output().unwrap();
    let mistyped = start(&format!("{to}?no=such")).wait_with_output().unwrap();
    for (output, status, kind) in [
        (&stopped, 1, Some("cancelled")),
        (&refused, 1, Some("unavailable")),
        (&mistyped, 2, None),
    ] {
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words}");
        let last = lines(&output.stdout).pop().unwrap_or_default();
        assert_eq!(last["kind"].as_str(), kind, "{last}");
        for text in [&words, &String::from_utf8_lossy(&output.stdout)] {
            assert!(!text.contains("Pa55w0rd"), "{text}");
        }
    }
}

/// What has nothing to end in good order says in a word why it ends.
#[test]
fn a_question_that_is_not_answered_ends_at_a_signal() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = format!("http://{}", silent.local_addr().unwrap());
    for signal in ["TERM", "INT"] {
        for words in [
            &["cloud-id", &site][..],
            &["init", "--site", &site, "--out", "never.json"],
        ] {
            let mut command = Command::new(HOST_TEST);
            let run = command
                .args(words)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let (_asked, _) = silent.accept().unwrap();
            let signalled = Instant::now();
            send(signal, &run);
            let output = run.wait_with_output().unwrap();
            assert!(signalled.elapsed() < LONGEST, "{signal}");
            assert_eq!(output.status.code(), Some(1), "{signal}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("error: interrupted"), "{said}");
        }
    }
}

#[test]
fn a_validation_of_a_service_that_does_not_answer_is_cancelled_by_a_signal() {
    let folder = folder("stalled-validation");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = format!("http://{}", silent.local_addr().unwrap());
    std::fs::write(folder.join("token"), "ATATT3xmock").unwrap();
    let mut config = mock(1).config_json();
    config["base_url"] = format!("{site}/ex/confluence/1").into();
    write_config(&folder, &config);
    let init = [
        &["init", "--site", &site, "--cloud-id", "1"][..],
        &[
            "--email",
            "a@b.example",
            "--token-file",
            "token",
            "--out",
            "new.json",
        ],
    ];
    for words in [&["validate", "--config", "config.json"][..], &init.concat()] {
        // Another connection of the command before says nothing about this one.
        silent.set_nonblocking(true).unwrap();
        while silent.accept().is_ok() {}
        silent.set_nonblocking(false).unwrap();
        let mut command = Command::new(HOST_TEST);
        command.args(words).current_dir(&folder);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = command.spawn().unwrap();
        let (_asked, _) = silent.accept().unwrap();
        let signalled = Instant::now();
        send("TERM", &run);
        let output = run.wait_with_output().unwrap();
        assert!(signalled.elapsed() < LONGEST, "{words:?}");
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(last["error"]["kind"], "cancelled", "{last}");
    }
}

/// A pipe that nobody writes to, at standard input or by its name. The runtime has one thread, which is busy with reading.
#[test]
fn a_file_that_nobody_writes_is_left_at_a_signal() {
    let folder = folder("stalled-files");
    let mut config = mock(1).config_json();
    write_config(&folder, &config);
    config["api_token"] = json!({ "file": "pipe" });
    std::fs::write(folder.join("by-file.json"), config.to_string()).unwrap();
    let pipe = Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(pipe.unwrap().success());
    let init =
        "init --site http://127.0.0.1:9 --cloud-id 1 --email a@b.example --out x --token-file";
    let calls = [
        format!("{init} -"),
        format!("{init} pipe"),
        "sync --config -".to_owned(),
        "sync --config pipe".to_owned(),
        "sync --config config.json --token-file pipe".to_owned(),
        "sync --config by-file.json".to_owned(),
        "validate --config pipe".to_owned(),
        "validate --config config.json --token-file -".to_owned(),
        "plan --estimate --config pipe".to_owned(),
    ];
    for signal in ["TERM", "INT"] {
        let waiting = calls.each_ref().map(|words| {
            let mut command = Command::new(HOST_TEST);
            command.args(words.split(' ')).current_dir(&folder);
            command.env("TOKIO_WORKER_THREADS", "1");
            command.stdin(Stdio::piped());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            (words, command.spawn().unwrap())
        });
        std::thread::sleep(Duration::from_secs(2));
        for (words, mut run) in waiting {
            assert!(run.try_wait().unwrap().is_none(), "{words} waits");
            let signalled = Instant::now();
            send(signal, &run);
            while run.try_wait().unwrap().is_none() && signalled.elapsed() < LONGEST {
                std::thread::sleep(Duration::from_millis(5));
            }
            let took = signalled.elapsed();
            let _ = run.kill();
            let ended = run.wait().unwrap();
            // Before the deadline at which a process is ended that is stuck.
            assert!(took < Duration::from_secs(2), "{words}: {took:?}");
            assert!(!ended.success(), "{words}");
        }
    }
}
