//! A signal ends a process whose standard error nobody reads, and one that reads from a pipe that nobody writes to.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::shop::{Shop, lines};
use super::{HOST_TEST, SOURCE, TAP};

/// A second less is promised; this machine may be busy.
const LONGEST: Duration = Duration::from_secs(4);
const SIGTERM: i32 = 15;

/// Sends SIGTERM, and waits.
fn end(mut process: Child) -> ExitStatus {
    let mut kill = Command::new("kill");
    assert!(
        kill.arg(process.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    let signalled = Instant::now();
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        if signalled.elapsed() > LONGEST {
            process.kill().unwrap();
            panic!("it ignores the signal");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_standard_error_that_nobody_reads_delays_no_signal() {
    // More than a pipe takes.
    let message = "x".repeat(15_000);
    let note =
        json!({ "call": "note", "note": { "type": "log", "level": "warn", "message": message } });
    let shop = Shop::open(&vec![note; 40]);
    let sqlite = shop.path("sqlite:", "rows.sqlite");
    for (program, words) in [
        (HOST_TEST, &["sync"][..]),
        (HOST_TEST, &["sync", "--to", &sqlite]),
        (TAP, &[]),
    ] {
        let requests = shop.requests();
        let mut command = shop.command(program, words);
        command.args(["--config", "config.json", "--component"]);
        command.arg(&shop.component);
        let out = shop.folder.path().join("out");
        command.stdout(File::create(&out).unwrap());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let _unread = process.stderr.take();
        while shop.requests() == requests {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(500));
        assert!(process.try_wait().unwrap().is_none(), "it waits");
        let status = end(process);
        if program == TAP {
            assert_eq!(status.signal(), Some(SIGTERM));
        } else {
            assert_eq!(status.code(), Some(1), "{words:?}");
            let last = lines(&std::fs::read(&out).unwrap()).pop().unwrap();
            assert_eq!(last["kind"], "cancelled", "{last}");
        }
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_delays_no_signal() {
    let shop = Shop::open(&[]);
    let pipe = shop.path("", "pipe");
    let mut make = Command::new("mkfifo");
    assert!(make.arg(&pipe).status().unwrap().success());
    let catalog = shop.file("catalog.json", r#"{"streams":[]}"#);
    let read = ["read", "--config", "config.json"];
    for (program, words) in [
        (TAP, ["--config", "config.json", "--state", &pipe].to_vec()),
        (
            TAP,
            ["--config", "config.json", "--catalog", &pipe].to_vec(),
        ),
        (SOURCE, [&read[..], &["--catalog", &pipe]].concat()),
        (
            SOURCE,
            [&read[..], &["--catalog", &catalog, "--state", &pipe]].concat(),
        ),
        (HOST_TEST, ["sync", "--config", &pipe].to_vec()),
    ] {
        let mut command = shop.command(program, &words);
        command.arg("--component").arg(&shop.component);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        let status = end(process);
        assert!(!status.success(), "{words:?}");
    }
    for (program, words) in [
        (HOST_TEST, &["streams"][..]),
        (TAP, &["--discover"]),
        (SOURCE, &["spec"]),
    ] {
        let mut command = shop.command(program, words);
        let output = command.args(["--component", &pipe]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{program}");
    }
}
