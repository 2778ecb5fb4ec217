//! What is logged: with `-v` a line for each request, and a token at no level.

use std::process::{Command, Output};

use serde_json::json;

use super::{HOST_TEST, folder, lines, mock, write_config};

const TOKEN: &str = "ATATT3xthat-nobody-may-see";

/// What all is printed.
fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn each_request_is_a_line_and_the_token_is_in_none() {
    let (mock, folder) = (mock(10), folder("logging"));
    mock.with_site_mut(|site| TOKEN.clone_into(&mut site.access.token));
    // The same pair as it goes over the wire.
    let pair = base64(&format!("reader@example.com:{TOKEN}"));
    let config = write_config(&folder, &mock.config_json());
    for (options, level) in [
        (&["-q"][..], None),
        (&[], None),
        (&["-v"], None),
        (&["-vv"], None),
        (&["-v", "--sign-in-host"], None),
        (&[], Some("trace")),
    ] {
        mock.clear_requests();
        let mut command = Command::new(HOST_TEST);
        command
            .arg("sync")
            .args(options)
            .arg("--config")
            .arg(&config);
        match level {
            Some(level) => command.env("RUST_LOG", level),
            None => command.env_remove("RUST_LOG"),
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{options:?}");
        let said = said(&output);
        assert!(
            !said.contains(TOKEN) && !said.contains(&pair),
            "{options:?}"
        );
        let requests = mock.requests();
        let log = String::from_utf8(output.stderr).unwrap();
        // A query may hold anything that a service has sent, encoded.
        assert!(!log.contains("limit="), "{options:?}: {log}");
        let lines = log.lines().filter(|line| line.ends_with("1 try")).count();
        let expected = if options.iter().any(|option| option.starts_with("-v")) {
            requests.len()
        } else {
            0
        };
        if level.is_none() {
            assert_eq!(lines, expected, "{options:?}: {log}");
        }
        if options == ["-v"] {
            let line = log
                .lines()
                .find(|line| line.contains("/wiki/api/v2/spaces"));
            let line = line.unwrap();
            assert!(line.contains("GET /") && line.contains(": 200, "), "{line}");
            assert!(line.contains(" ms, "), "{line}");
        }
        if options == ["-q"] {
            assert_eq!(log, "");
        }
    }
}

/// Of a text that needs no padding at its end.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = text.as_bytes().chunks_exact(3).flat_map(|group| {
        let bits = group
            .iter()
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[bits >> shift & 63]))
    });
    groups.collect()
}

/// A failure is told in words on standard error, as well as in the last line of the data.
#[test]
fn a_failure_is_told_twice() {
    let (mock, folder) = (mock(5), folder("told-twice"));
    let mut config = mock.config_json();
    config["api_token"] = json!("wrong");
    let file = write_config(&folder, &config);
    for options in [&[][..], &["-q"]] {
        let mut command = Command::new(HOST_TEST);
        command.arg("sync").args(options).arg("--config").arg(&file);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(last["kind"], "invalid_credentials");
        let message = last["message"].as_str().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains(&format!("error: {message}")), "{log}");
    }
}
