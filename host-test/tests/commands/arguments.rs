//! Arguments that a script has from elsewhere, quoted in errors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use super::terminal::Terminal;
use super::{HOST_TEST, folder, mock, write_config};

const SOURCE: &str = env!("CARGO_BIN_EXE_source-confluence-cloud");
const TAP: &str = env!("CARGO_BIN_EXE_tap-confluence-cloud");

/// The title of a terminal, a colour, a direction, nothing that is seen, and a line like one of a log.
const FOREIGN: &str = "x\u{1b}]0;evil\u{7}\u{1b}[31mR\u{202e}\u{200b}\u{9b}1m\nINFO forged";

fn wrong_calls() -> Vec<Command> {
    let attached = format!("--shards={FOREIGN}");
    let option = format!("--{FOREIGN}");
    let calls: [(&str, &[&str]); 13] = [
        (HOST_TEST, &[FOREIGN]),
        (HOST_TEST, &["help", FOREIGN]),
        (HOST_TEST, &["report", "sqlite:a", FOREIGN, "--html", "x"]),
        (HOST_TEST, &["report", FOREIGN, "--html", "x"]),
        (HOST_TEST, &["streams", "--allow-network", FOREIGN]),
        (HOST_TEST, &["plan", "--config", "x", &attached]),
        (HOST_TEST, &["sync", "--config", "x", "--mode", FOREIGN]),
        (HOST_TEST, &["streams", &option]),
        (TAP, &["--config", "x", FOREIGN]),
        (TAP, &["--allow-network", FOREIGN]),
        (SOURCE, &[FOREIGN]),
        (SOURCE, &["check", "--config", "x", FOREIGN]),
        (SOURCE, &["spec", "--allow-network", FOREIGN]),
    ];
    let mut calls: Vec<_> = calls
        .iter()
        .map(|(program, words)| {
            let mut command = Command::new(program);
            command.args(*words);
            command
        })
        .collect();
    let mut not_utf8 = Command::new(TAP);
    let bytes = [FOREIGN.as_bytes(), b"\xff"].concat();
    not_utf8
        .args(["--config", "x"])
        .arg(OsStr::from_bytes(&bytes));
    calls.push(not_utf8);
    calls
}

#[test]
fn an_error_shows_arguments_and_does_not_obey_them() {
    for mut command in wrong_calls() {
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said:?}");
        assert!(output.stdout.is_empty());
        assert!(said.contains(r"x\u{1b}]0;evil\u{7}"), "{said:?}");
        assert!(
            said.contains(r"R\u{202e}\u{200b}\u{9b}1m\nINFO forged"),
            "{said:?}"
        );
        let obeyed = |character: char| {
            let is_control = character.is_control() && character != '\n';
            is_control || matches!(character, '\u{200b}' | '\u{202e}')
        };
        assert!(!said.contains(obeyed), "{said:?}");
        assert!(!said.contains("\nINFO"), "{said:?}");
    }
}

/// At a terminal the colours are those of the error alone.
#[test]
fn a_terminal_does_not_obey_an_argument_either() {
    for command in wrong_calls() {
        let (ended, shown) = Terminal::run(command).end();
        assert_eq!(ended.code(), Some(2), "{shown:?}");
        assert!(shown.contains(r"\u{1b}]0;evil"), "{shown:?}");
        for foreign in ["\u{1b}]0;", "\u{1b}[31mR", "\u{202e}", "\u{9b}"] {
            assert!(!shown.contains(foreign), "{shown:?}");
        }
    }
}

/// What is odd and right is taken as it is.
#[test]
fn a_file_may_be_called_anything() {
    let (mock, folder) = (mock(1), folder("odd-names"));
    let config = write_config(&folder, &mock.config_json());
    let odd = folder.join(FOREIGN.replace('/', "_"));
    std::fs::rename(&config, &odd).unwrap();
    let mut command = Command::new(HOST_TEST);
    command.args(["validate", "--config"]).arg(&odd);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
